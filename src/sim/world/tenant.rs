//! What Lockstep needs to know to work with a stand-in organization: its tenant file and secrets.

use std::path::Path;

use super::Organization;

impl Organization {
    /// Returns the secrets as (environment variable, value).
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, String)> {
        vec![
            (self.secret_name("DATAVERSE"), self.dataverse_app.client_secret.clone()),
            (self.secret_name("EXCHANGE"), self.graph_app.client_secret.clone()),
        ]
    }

    /// Returns the tenant configuration file; secrets come from the variables of `secrets`.
    #[must_use]
    pub fn tenant_toml(&self) -> String {
        self.render(&|name| format!("{{ env = {} }}", quoted(name)))
    }

    /// Returns the tenant configuration file; each secret is a file of that name in `directory`.
    #[must_use]
    pub fn tenant_toml_with_files(&self, directory: &Path) -> String {
        self.render(&|name| {
            format!("{{ file = {} }}", quoted(&directory.join(name).to_string_lossy()))
        })
    }

    fn render(&self, secret: &dyn Fn(&str) -> String) -> String {
        let dataverse = self.dataverse_url();
        let graph = self.graph_url();
        let lines = [
            format!("tenant = {}", quoted(&self.name)),
            String::new(),
            "[dataverse]".to_owned(),
            format!("url = {}", quoted(&dataverse)),
            format!("token_url = {}", quoted(&format!("{dataverse}/oauth2/v2.0/token"))),
            format!("client_id = {}", quoted(&self.dataverse_app.client_id)),
            format!("client_secret = {}", secret(&self.secret_name("DATAVERSE"))),
            String::new(),
            "[exchange]".to_owned(),
            "api = \"graph\"".to_owned(),
            format!("url = {}", quoted(&format!("{graph}/v1.0"))),
            format!("token_url = {}", quoted(&format!("{graph}/oauth2/v2.0/token"))),
            format!("client_id = {}", quoted(&self.graph_app.client_id)),
            format!("client_secret = {}", secret(&self.secret_name("EXCHANGE"))),
            String::new(),
            "[mailboxes]".to_owned(),
            "source = \"dataverse\"".to_owned(),
        ];
        lines.join("\n") + "\n"
    }

    fn secret_name(&self, side: &str) -> String {
        let upper = self.name.to_ascii_uppercase();
        let safe: String =
            upper.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("{safe}_{side}_SECRET")
    }
}

/// Returns a TOML basic string; the escapes of JSON are valid there.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
