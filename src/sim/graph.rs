//! The Microsoft Graph stand-in.
