//! The Dataverse stand-in.
