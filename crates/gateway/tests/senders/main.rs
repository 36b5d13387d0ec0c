//! The senders that seeds 000 and 001 print, and other clients, run as programs of their own against the real gateway.
//! `cargo xtask setup` installs what they need.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "tests of the real binary measure real time")]

mod handshakes;
mod programs;
mod sizes;
mod tls;
mod troubleshooting;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::python;
use tempfile::TempDir;

use crate::tls::Front;

/// The address that the seeds print.
const PRINTED: &str = "https://webhook.reasoner.com";

/// A gateway behind a proxy that ends TLS, a source with credentials, and where copies of programs lie.
struct World {
    gateway: Gateway,
    tenant: Api,
    source: String,
    pair: Pair,
    front: Front,
    directory: TempDir,
}

/// The username and password of a credential.
#[derive(Debug, Clone)]
struct Pair {
    id: String,
    username: String,
    password: String,
}

impl World {
    async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// The source has these members.
    async fn with(mut source: Value) -> Self {
        let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor"));
        let gateway = gateway.argument("--http-trusted-proxies").argument("127.0.0.1").start().await;
        let tenant = gateway.tenant("senders").await;
        source["name"] = json!("sent to");
        let source = text(&tenant.post("/v1/sources", &source).await, "id");
        let pair = credential(&tenant, &source, &json!({"name": "first"})).await;
        let front = Front::start(gateway.address()).await;
        Self { gateway, tenant, source, pair, front, directory: tempfile::tempdir().unwrap() }
    }

    /// A printed program with the gateway's address and the pair in it, and these further edits.
    fn copy(&self, name: &str, pair: &Pair, edits: &[(&str, &str)]) -> PathBuf {
        let printed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/senders").join(name);
        let mut program = std::fs::read_to_string(printed).unwrap();
        for (from, to) in edits {
            assert!(program.contains(from), "{name} has no {from}");
            program = program.replace(from, to);
        }
        let own = [(PRINTED, self.front.url()), ("USERNAME:", format!("{}:", pair.username))];
        for (from, to) in own {
            program = program.replace(from, &to);
        }
        program = program.replace(":PASSWORD'", &format!(":{}'", pair.password));
        let copy = self.directory.path().join(name);
        std::fs::write(&copy, program).unwrap();
        copy
    }

    /// Runs the `curl` line with these edits: what the gateway answered.
    async fn curl(&self, pair: &Pair, edits: &[(&str, &str)]) -> Value {
        let mut command = Command::new("bash");
        command.arg(self.copy("quick_start.sh", pair, edits));
        answer_of(&self.run(command, pair).await)
    }

    /// Runs a Python program with these edits: what it printed.
    async fn python(&self, name: &str, pair: &Pair, edits: &[(&str, &str)]) -> String {
        let command = python::script(self.copy(name, pair, edits));
        String::from_utf8(self.run(command, pair).await.stdout).unwrap()
    }

    /// Runs a program aside; it trusts the certificate of the proxy.
    async fn run(&self, mut command: Command, pair: &Pair) -> Output {
        let authority = self.directory.path().join("authority.pem");
        std::fs::write(&authority, &self.front.authority_pem).unwrap();
        command
            .env("CURL_CA_BUNDLE", &authority)
            .env("REQUESTS_CA_BUNDLE", &authority)
            .env("SSL_CERT_FILE", &authority)
            .env("NODE_EXTRA_CA_CERTS", &authority)
            .env("REASONER_WEBHOOK_USERNAME", &pair.username)
            .env("REASONER_WEBHOOK_PASSWORD", &pair.password)
            .current_dir(self.directory.path());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn events(&self) -> Vec<Value> {
        self.tenant.list("/v1/events", "").await
    }
}

async fn credential(tenant: &Api, source: &str, draft: &Value) -> Pair {
    let made = tenant.post(&format!("/v1/sources/{source}/credentials"), draft).await;
    Pair { id: text(&made, "id"), username: text(&made, "username"), password: text(&made, "password") }
}

/// The JSON that `curl` printed.
#[track_caller]
fn answer_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}
