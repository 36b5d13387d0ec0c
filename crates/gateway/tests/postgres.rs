//! The gateway on PostgreSQL: the way of an event through it, and through a `kill -9`.

use serde_json::json;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::postgres::Postgres;
use stentor_testkit::receiver::Receiver;

const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
