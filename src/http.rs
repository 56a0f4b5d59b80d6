//! HTTP to the far sides: the only room that knows reqwest.
//!
//! [`HttpClient`] makes one attempt and says whether a failed one may have been executed.
//! [`token::TokenSource`] keeps a bearer token, [`session::Session`] adds budgets and repeats.
//!
//! What is absent: what an answer means (the adapters read bodies and error codes), redirects,
//! cookies, proxies of the environment. Error texts never carry content: no body, no query, no id.

mod backoff;
mod client;
mod error;
mod line;
mod message;
pub mod right;
pub mod session;
pub mod token;

pub use backoff::Backoff;
pub use client::{HttpClient, HttpOptions};
pub use error::HttpError;
pub use line::{Line, Parcel};
pub use message::{Call, Method, Reply};
pub use session::{CallError, Session};
pub use token::{TokenOptions, TokenSource};

#[cfg(test)]
mod testing;
