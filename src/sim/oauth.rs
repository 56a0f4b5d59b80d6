//! The token endpoint of a stand-in: OAuth 2.0 client credentials with expiring tokens.
//!
//! Shape of requests and replies: Microsoft identity platform, client credentials flow.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use siphasher::sip::SipHasher13;

use super::directory::AppCredentials;
use super::wire::{Request, Response};

/// Issues and checks bearer tokens for one application of one stand-in.
#[derive(Debug)]
pub struct Oauth {
    app: AppCredentials,
    scope: String,
    lifetime: Duration,
    issued: HashMap<String, DateTime<Utc>>,
    counter: u64,
    /// Decides the texts of the tokens.
    seed: u64,
}

impl Oauth {
    /// Builds an endpoint that accepts `app` and grants `scope` (it ends in `/.default`).
    #[must_use]
    pub fn new(
        app: AppCredentials,
        scope: impl Into<String>,
        lifetime: Duration,
        seed: u64,
    ) -> Self {
        Self { app, scope: scope.into(), lifetime, issued: HashMap::new(), counter: 0, seed }
    }

    /// Answers a token request; refuses as the identity platform does (400 or 401 with `error`).
    pub fn token(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        if request.method != "POST" {
            return refuse(405, "invalid_request", "AADSTS900561: the endpoint only accepts POST");
        }
        let is_form = request
            .header("Content-Type")
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return refuse(400, "invalid_request", "AADSTS900144: the body must be form-encoded");
        }
        let form = parse_form(&request.body);
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            return refuse(400, "unsupported_grant_type", "AADSTS70003: grant type not supported");
        }
        if field("client_id") != self.app.client_id {
            return refuse(400, "unauthorized_client", "AADSTS700016: application not found");
        }
        if field("client_secret") != self.app.client_secret {
            return refuse(401, "invalid_client", "AADSTS7000215: invalid client secret provided");
        }
        if field("scope") != self.scope {
            return refuse(400, "invalid_scope", "AADSTS70011: the scope is not valid");
        }
        self.grant(now)
    }

    /// Tells whether the request carries a token that was issued here and has not expired.
    #[must_use]
    pub fn accepts(&self, request: &Request, now: DateTime<Utc>) -> bool {
        request
            .header("Authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| self.issued.get(token))
            .is_some_and(|expires| *expires > now)
    }

    /// Withdraws every token that is out, as a revoked secret or a restarted service would.
    pub fn revoke_all(&mut self) {
        self.issued.clear();
    }

    /// Returns how many tokens were issued since the start.
    #[must_use]
    pub fn issued_count(&self) -> u64 {
        self.counter
    }

    fn grant(&mut self, now: DateTime<Utc>) -> Response {
        self.counter += 1;
        self.issued.retain(|_, expires| *expires > now);
        let token = self.text(self.counter);
        self.issued.insert(token.clone(), now + self.lifetime);
        Response::json(
            200,
            &json!({
                "token_type": "Bearer",
                "expires_in": self.lifetime.num_seconds(),
                "ext_expires_in": self.lifetime.num_seconds(),
                "access_token": token,
            }),
        )
    }
}

impl Oauth {
    /// Returns the text of the token of that number: the same in every world with this seed, and
    /// another one for each application and scope.
    fn text(&self, number: u64) -> String {
        let mut hasher = SipHasher13::new_with_keys(self.seed, number);
        (&self.app.client_id, &self.scope).hash(&mut hasher);
        format!("stand-in.{number}.{:016x}", hasher.finish())
    }
}

fn refuse(status: u16, error: &str, description: &str) -> Response {
    Response::json(status, &json!({ "error": error, "error_description": description }))
}

fn parse_form(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
