//! TODO-design: placeholder while the room is built.
