//! What holds of every source, whoever wrote it.
