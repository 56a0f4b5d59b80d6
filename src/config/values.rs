//! Texts of the configuration as values: durations, addresses, names. Each says what it expects.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Longest address of a web service; real ones have about 100 characters.
pub(super) const URL_MAX_BYTES: usize = 2048;

/// Longest SMTP address (RFC 5321, 4.5.3.1.3).
const MAILBOX_MAX_BYTES: usize = 254;

/// The parts of an address that the checks need.
pub(super) struct Address<'a> {
    pub(super) scheme: &'a str,
    pub(super) user_info: Option<&'a str>,
    pub(super) host: &'a str,
}

/// Returns the duration of `15m`, `10s`, `1h`, `31d`; `None` for anything else.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// Returns a duration as it is written in a file.
pub(super) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, size) in [("d", 24 * 3600), ("h", 3600), ("m", 60)] {
        if seconds != 0 && seconds.is_multiple_of(size) {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{seconds}s")
}

/// Returns the parts of `scheme://[user@]host[:port][/path]`, or what is wrong with it.
pub(super) fn address(text: &str) -> Result<Address<'_>, &'static str> {
    if text.len() > URL_MAX_BYTES {
        return Err("is too long for an address");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("holds a character that no address has");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("is no address with a scheme, such as https://host");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user_info, host_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let (host, port) = split_port(host_port)?;
    if host.is_empty() {
        return Err("names no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("has a port that is no number up to 65535");
    }
    Ok(Address { scheme, user_info, host })
}

/// Returns the host and what stands behind its colon.
pub(super) fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((host, after)) = rest.split_once(']') else {
            return Err("has a bracket that is not closed");
        };
        return match after {
            "" => Ok((host, None)),
            _ => after.strip_prefix(':').map(|port| (host, Some(port))).ok_or("has no clear port"),
        };
    }
    Ok(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))))
}

/// Returns the address of a web service without a closing slash, or what is wrong and the remedy.
///
/// Tokens and personal data go to these addresses, so plain `http` is for this machine only.
pub(super) fn web_url(text: &str) -> Result<String, (String, &'static str)> {
    let refuse = |message: &str, remedy| Err((message.to_owned(), remedy));
    let parts = match address(text) {
        Ok(parts) => parts,
        Err(message) => {
            return refuse(message, "write the whole address, such as https://host/path");
        }
    };
    if parts.user_info.is_some() {
        return refuse("carries a user name", "remove the part before the @");
    }
    match parts.scheme {
        "https" => {}
        "http" if is_loopback(parts.host) => {}
        "http" => {
            return refuse(
                "is plain http to another machine",
                "use https://; plain http is for 127.0.0.0/8, [::1] and localhost only",
            );
        }
        _ => return refuse("has a scheme other than https", "use https://"),
    }
    if text.contains(['?', '#']) {
        return refuse("carries a query or fragment", "end the address before ? and #");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns true for one SMTP address: a local part, one `@`, a domain.
pub(super) fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    text.len() <= MAILBOX_MAX_BYTES
        && !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c))
}

/// Returns the known word nearest to a mistyped one, if one is near enough.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    known
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
