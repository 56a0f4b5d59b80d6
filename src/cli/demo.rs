//! `lockstep demo`.
