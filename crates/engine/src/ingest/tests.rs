//! Written with the front door of the gateway, which drives all of it: see `crates/gateway/tests/ingest`.
