//! The JSON batch (json-batching): requests in, replies out, matched by id.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::errors;
use crate::ports::error::SideError;

/// Most requests that one batch holds (json-batching).
pub(super) const BATCH_MAX: usize = 20;

/// What every request asks for: times in UTC and bodies as text, so that both sides speak alike,
/// and ids that survive a move (immutable ids are asked for on each call or not had at all).
const PREFER: &str =
    r#"IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text""#;

/// The same for a page of rows. 100 of them are a wish: large pages make few round trips, and 100
/// events with long bodies still stay far below the bound of an answer.
const PREFER_PAGE: &str = "IdType=\"ImmutableId\", outlook.timezone=\"UTC\", \
     outlook.body-content-type=\"text\", odata.maxpagesize=100";

/// The part of `PREFER` about bodies, and what stands there for bodies that keep their format.
const TEXT_BODY: &str = r#"outlook.body-content-type="text""#;
const HTML_BODY: &str = r#"outlook.body-content-type="html""#;

/// One request of a batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Inner {
    method: &'static str,
    /// Relative to the root: `/users/…`.
    url: String,
    #[serde(serialize_with = "as_map")]
    headers: Vec<(&'static str, Cow<'static, str>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Json>,
}

fn as_map<S: Serializer>(
    headers: &[(&'static str, Cow<'static, str>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
}

impl Inner {
    fn new(method: &'static str, url: String, prefer: &'static str) -> Self {
        Self { method, url, headers: vec![("Prefer", Cow::Borrowed(prefer))], body: None }
    }

    /// Returns a read of one resource.
    pub(super) fn get(url: String) -> Self {
        Self::new("GET", url, PREFER)
    }

    /// Returns a read of one page of a collection.
    pub(super) fn page(url: String) -> Self {
        Self::new("GET", url, PREFER_PAGE)
    }

    /// Returns a create.
    pub(super) fn post(url: String, body: Map<String, Json>) -> Self {
        Self::new("POST", url, PREFER).with_body(body)
    }

    /// Returns a change.
    pub(super) fn patch(url: String, body: Map<String, Json>) -> Self {
        Self::new("PATCH", url, PREFER).with_body(body)
    }

    /// Returns a removal.
    pub(super) fn delete(url: String) -> Self {
        Self::new("DELETE", url, PREFER)
    }

    fn with_body(mut self, body: Map<String, Json>) -> Self {
        self.headers.push(("Content-Type", Cow::Borrowed("application/json")));
        self.body = Some(Json::Object(body));
        self
    }

    /// Makes the request conditional on the version, when one is known.
    pub(super) fn if_match(mut self, version: Option<&str>) -> Self {
        if let Some(version) = version {
            self.headers.push(("If-Match", Cow::Owned(version.to_owned())));
        }
        self
    }

    /// Asks for the bodies of single events as HTML (APPT-OUT-13). A series has plain text (REC-09).
    pub(super) fn with_format(&mut self) {
        let events = ["/events", "/calendar"].iter().any(|part| self.url.contains(part));
        let series = ["exceptionOccurrences", "/instances"].iter().any(|it| self.url.contains(it));
        if events && !series {
            for (name, value) in &mut self.headers {
                if *name == "Prefer" {
                    *value = Cow::Owned(value.replace(TEXT_BODY, HTML_BODY));
                }
            }
        }
    }

    /// Returns the number of bytes that this request adds to a batch.
    pub(super) fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |bytes| bytes.len())
    }
}

/// The answer to one request of a batch. The body is read as what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, bound = "B: Body")]
pub(super) struct InnerReply<B = Json> {
    id: String,
    pub(super) status: u16,
    headers: Headers,
    #[serde(deserialize_with = "read_body")]
    pub(super) body: B,
}

/// Of the headers of an answer, the one that is read.
#[derive(Debug, Clone, Default, PartialEq)]
struct Headers {
    retry_after: Option<Json>,
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(name) = map.next_key::<Name>()? {
                    if name.is_retry_after {
                        headers.retry_after = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// The name of a header, compared without being kept.
struct Name {
    is_retry_after: bool,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a header")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name { is_retry_after: name.eq_ignore_ascii_case("retry-after") })
            }
        }
        deserializer.deserialize_str(Read)
    }
}

/// What a body is read as. Whatever stands there, one answer never makes a whole batch unreadable.
pub(super) trait Body: Default + Clone + Send {
    /// Reads the JSON of a body.
    fn read(json: &str) -> Self;

    /// Returns the error code, empty when there is none.
    fn code(&self) -> String;
}

fn read_body<'de, B: Body, D: Deserializer<'de>>(deserializer: D) -> Result<B, D::Error> {
    let raw: &RawValue = Deserialize::deserialize(deserializer)?;
    Ok(B::read(raw.get()))
}

impl Body for Json {
    fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    fn code(&self) -> String {
        errors::code_of(self)
    }
}

impl<B: Body> InnerReply<B> {
    /// Returns the answer to a batch that was refused as a whole, as one of its parts would get it.
    pub(super) fn of(status: u16, body: &[u8]) -> Self {
        let body = B::read(&String::from_utf8_lossy(body));
        Self { id: String::new(), status, headers: Headers::default(), body }
    }
}

impl<B> InnerReply<B> {
    /// Returns what `Retry-After` says, in seconds or as an HTTP date.
    pub(super) fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let value = self.headers.retry_after.as_ref()?;
        if let Some(seconds) = value.as_u64() {
            return Some(Duration::from_secs(seconds));
        }
        let text = value.as_str()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at: DateTime<Utc> = httpdate::parse_http_date(text).ok()?.into();
        Some((at - now).to_std().unwrap_or_default())
    }
}

/// Returns the body of a batch. The ids are the places, counted from 1.
pub(super) fn encode(requests: &[Inner]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Numbered<'a> {
        id: String,
        #[serde(flatten)]
        inner: &'a Inner,
    }
    #[derive(Serialize)]
    struct Batch<'a> {
        requests: Vec<Numbered<'a>>,
    }
    let number = |(n, inner)| Numbered { id: usize::to_string(&(n + 1)), inner };
    let requests = requests.iter().enumerate().map(number).collect();
    // Texts and maps of texts become JSON without fail.
    serde_json::to_vec(&Batch { requests }).unwrap_or_default()
}

/// Returns the answers in the order of the requests; nothing where none came. They arrive in any
/// order (json-batching); of two with one id the first counts.
pub(super) fn decode<B: Body>(
    body: &[u8],
    count: usize,
) -> Result<Vec<Option<InnerReply<B>>>, SideError> {
    #[derive(Deserialize)]
    #[serde(bound = "B: Body")]
    struct Replies<B> {
        responses: Vec<InnerReply<B>>,
    }
    let replies: Replies<B> =
        serde_json::from_slice(body).map_err(|error| errors::unreadable("POST /$batch", &error))?;
    let mut list = vec![None; count];
    for reply in replies.responses {
        let place = reply.id.parse::<usize>().ok().and_then(|id| id.checked_sub(1));
        if let Some(slot) = place.and_then(|place| list.get_mut(place))
            && slot.is_none()
        {
            *slot = Some(reply);
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests;
