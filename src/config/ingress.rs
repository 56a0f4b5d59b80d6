//! `[ingress]` of the node file: where change notifications arrive.

use std::net::SocketAddr;

use super::node::IngressConfig;
use super::reader::Section;
use super::values::web_url;

/// Returns the ingress; `None` without the section, or where a problem was reported.
pub(super) fn read(section: Section<'_>) -> Option<IngressConfig> {
    let given = section.has("listen") || section.has("url");
    let config = given.then(|| both(&section)).flatten();
    section.finish();
    config
}

fn both(section: &Section<'_>) -> Option<IngressConfig> {
    let listen = section.required_text("listen").and_then(|text| {
        let address = text.value.parse::<SocketAddr>();
        if address.is_err() {
            let message = format!("\"{}\" is no IP address with a port", text.value);
            section.error(&text.span, "listen", &message, "write it like \"127.0.0.1:8081\"");
        }
        address.ok()
    });
    let url = section.required_text("url").and_then(|text| {
        web_url(text.value)
            .map_err(|(message, remedy)| section.error(&text.span, "url", &message, remedy))
            .ok()
    });
    Some(IngressConfig { listen: listen?, url: url? })
}
