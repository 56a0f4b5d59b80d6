//! (placeholder) dataverse
