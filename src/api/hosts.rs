//! By which names this node may be called.
//!
//! A foreign page can point a name of its own at a loopback address and then read and send as if
//! it were this node's own page. Its requests still carry its own name in `Host`.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HOST;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use serde_json::json;

/// The names by which this node is known.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    listen: IpAddr,
    names: Vec<String>,
}

impl Hosts {
    /// Builds the names of a node that listens on an address.
    pub(super) fn new(listen: IpAddr, names: &[String]) -> Self {
        Self { listen, names: names.to_vec() }
    }

    /// Tells whether a `Host` header names this node, on whatever port.
    fn knows(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        if let Some(address) = address(&name) {
            // A page that was loaded from an address can only be one of that address. A node that
            // listens everywhere does not know which addresses are its own.
            return address.is_loopback() || address == self.listen || self.listen.is_unspecified();
        }
        name == "localhost" || self.names.contains(&name)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) && !name.is_empty() => name,
        Some(_) | None => host,
    }
}

fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

/// Refuses requests that were meant for another host.
pub(super) async fn only_known<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let hosts = request.app_data::<web::Data<Hosts>>();
    let known = hosts.is_some_and(|hosts| host.is_some_and(|host| hosts.knows(host)));
    if known {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let message = "this node is not known by that host name; add it to `node.host_names`";
    let refusal = HttpResponse::MisdirectedRequest().json(json!({ "error": message }));
    Ok(request.into_response(refusal).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_own_names_are_known() {
        // A foreign name is refused, whatever it resembles.
        let names = ["lockstep.internal".to_owned()];
        let hosts = Hosts::new([10, 1, 2, 3].into(), &names);
        for known in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.8.9.1:80",
            "[::1]",
            "[::1]:8080",
            "10.1.2.3:8080",
            "lockstep.internal",
            "Lockstep.Internal:443",
        ] {
            assert!(hosts.knows(known), "{known}");
        }
        for foreign in [
            "",
            ":8080",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.1.2.4",
            "[::2]",
            "evil.example:127.0.0.1",
            "localhost:x",
            "0.0.0.0",
        ] {
            assert!(!hosts.knows(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_node_that_listens_everywhere_answers_to_addresses() {
        // It cannot know its addresses, but a name is still foreign.
        let hosts = Hosts::new([0, 0, 0, 0].into(), &[]);
        assert!(hosts.knows("10.1.2.4:8080") && hosts.knows("[fd00::7]:8080"));
        assert!(!hosts.knows("evil.example:8080"));
    }
}
