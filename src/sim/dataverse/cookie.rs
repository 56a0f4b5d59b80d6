//! Paging cookies of FetchXML and of `$skiptoken` (protocols.md B8).

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use uuid::Uuid;

/// Where the previous page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) page: usize,
    pub(super) last: Uuid,
}

/// Writes `<cookie page="1"><activityid last="{…}" first="{…}" /></cookie>`.
pub(super) fn inner(key: &str, page: usize, first: Uuid, last: Uuid) -> String {
    let braced = |id: Uuid| id.braced().to_string().to_uppercase();
    format!(
        "<cookie page=\"{page}\"><{key} last=\"{}\" first=\"{}\" /></cookie>",
        braced(last),
        braced(first)
    )
}

/// Wraps a cookie, URL-encoded twice, for the annotation and for `$skiptoken`.
pub(super) fn outer(next_page: usize, inner: &str) -> String {
    format!(
        "<cookie pagenumber=\"{next_page}\" pagingcookie=\"{}\" istracking=\"False\" />",
        encode(&encode(inner))
    )
}

/// Reads the cookie of the `paging-cookie` attribute.
pub(super) fn read_inner(text: &str) -> Option<Cookie> {
    let rest = text.strip_prefix("<cookie page=\"")?;
    let (page, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("last=\"")?;
    let (last, _) = rest.split_once('"')?;
    Some(Cookie { page: page.parse().ok()?, last: Uuid::try_parse(last).ok()? })
}

/// Reads the wrapped form back.
pub(super) fn read_outer(text: &str) -> Option<Cookie> {
    let (_, rest) = text.split_once("pagingcookie=\"")?;
    let (twice, _) = rest.split_once('"')?;
    read_inner(&decode(&decode(twice)))
}

pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
