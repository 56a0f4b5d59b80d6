//! `lockstep sim`: the stand-ins as a process of their own.
