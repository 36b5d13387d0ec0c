//! Two tenants with one of everything, in one gateway.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::{Answer, Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;

use super::{Call, OPERATOR, Surface};

/// A gateway with two tenants whose deliveries have failed once and wait for an hour.
pub struct World {
    pub gateway: Gateway,
    pub receiver: Receiver,
    pub surface: Surface,
    pub own: Side,
    pub other: Side,
}

/// A tenant: a token with all its scopes, and what it has.
pub struct Side {
    pub api: Api,
    pub ids: Ids,
}

/// One id of each kind.
#[derive(Debug, Clone)]
pub struct Ids(Vec<(&'static str, String)>);

impl World {
    pub async fn start() -> Self {
        // Tests of wrong tokens send more of them than one address may at once.
        let builder = Gateway::builder(env!("CARGO_BIN_EXE_stentor"));
        let gateway = builder.argument("--limits-wrong-tokens=1000000").start().await;
        let receiver = Receiver::start().await;
        receiver.default_reply(Reply::status(500));
        for name in ["own", "other"] {
            receiver.always(&format!("/{name}/callback"), Reply::status(204));
        }
        let surface = Surface::of(&gateway.api()).await;
        let own = Side::create(&gateway, &receiver, "own").await;
        let other = Side::create(&gateway, &receiver, "other").await;
        Self { gateway, receiver, surface, own, other }
    }

    /// A token of that tenant with these scopes; [`OPERATOR`] alone stands for the operator's token.
    pub async fn token(&self, side: &Side, scopes: &[&str]) -> Api {
        let operator = self.gateway.api();
        if scopes == [OPERATOR] {
            return operator;
        }
        operator.with_token(&operator.create_token(side.ids.get("tenant"), scopes).await)
    }
}

impl Side {
    async fn create(gateway: &Gateway, receiver: &Receiver, name: &str) -> Self {
        let api = gateway.tenant(name).await;
        let policy = json!({"events": ["order.*"], "retry_policy": {"schedule": [0, 3600, 3600, 3600]}});
        let webhook = text(&api.create_webhook(&receiver.url(&format!("/{name}")), &policy).await, "id");
        for _ in 0..2 {
            api.create_webhook(&receiver.url("/never"), &json!({"events": ["never"]})).await;
        }
        let route = json!({"match": {"events": ["never"]}, "webhooks": [webhook]});
        let route = text(&api.post("/v1/routes", &route).await, "id");
        let mut event = String::new();
        for n in 0..3 {
            event = api.publish("order.created", &json!({"of": name, "n": n})).await.id;
            settled(&api, &event).await;
        }
        let delivery = text(&api.event_deliveries(&event).await[0], "id");
        let range = json!({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"});
        let replay = text(&api.post(&format!("/v1/webhooks/{webhook}/replay"), &range).await, "id");
        wait::until("the replay has finished", || async {
            (api.read(&format!("/v1/replays/{replay}")).await["status"] == "finished").then_some(())
        })
        .await;
        let event_type = format!("declared_{name}");
        let declared = json!({"description": "d", "sample": {"of": name}});
        api.put(&format!("/v1/event-types/{event_type}"), &declared).await;
        let (conversation, message) = conversation(&api, &receiver.url(&format!("/{name}/callback"))).await;
        let source = text(&api.post("/v1/sources", &json!({"name": format!("of {name}")})).await, "id");
        let verification = json!({"preset": "github", "secret": format!("secret of {name}")});
        let signed = json!({"name": format!("signed of {name}"), "verification": verification});
        let signed_source = text(&api.post("/v1/sources", &signed).await, "id");
        let credentials = format!("/v1/sources/{source}/credentials");
        api.post(&credentials, &json!({"name": format!("first of {name}")})).await;
        let made = api.post(&credentials, &json!({"name": format!("of {name}")})).await;
        let pair = format!("{}:{}", text(&made, "username"), text(&made, "password"));
        let credential = text(&made, "id");
        let open = json!({"name": format!("open of {name}"), "verification": {"preset": "none"}});
        let open_source = text(&api.post("/v1/sources", &open).await, "id");
        let refused = refused_request(&api, &signed_source).await;
        let mut tokens = Vec::new();
        for scopes in [json!(["read"]), json!(["publish"])] {
            tokens.push(text(&api.post("/v1/tokens", &json!({"scopes": scopes})).await, "id"));
        }
        let operator = gateway.api();
        // To a tenant of its own, so that it is in no list of this one.
        let bystander = operator.create_tenant(&format!("{name}-bystander")).await;
        let new = json!({"type": "system.maintenance", "data": 1, "tenants": [bystander]});
        let broadcast = text(&operator.post("/v1/broadcasts", &new).await, "id");
        let tenants = operator.list("/v1/tenants", "").await;
        let tenant = tenants.iter().find(|tenant| tenant["name"] == name).expect("it was created");
        let ids = [
            ("event", event),
            ("delivery", delivery),
            ("webhook", webhook),
            ("replay", replay),
            ("event_type", event_type.clone()),
            ("new_event_type", format!("new_{event_type}")),
            ("conversation", conversation),
            ("message", message),
            ("route", route),
            ("source", source),
            ("signed_source", signed_source),
            ("open_source", open_source),
            ("credential", credential),
            ("pair", STANDARD.encode(pair)),
            ("request", refused),
            ("unmatched_request", unmatched_request(&operator).await),
            ("token", tokens.remove(0)),
            ("other_token", tokens.remove(0)),
            ("tenant", text(tenant, "id")),
            ("broadcast", broadcast),
        ];
        Self { api, ids: Ids(ids.into()) }
    }
}

/// Two conversations, one of them with two messages that have been delivered; the ids of that one and its last message.
async fn conversation(api: &Api, callback_url: &str) -> (String, String) {
    let body = json!({"channel": "API", "usecase": "u", "config": {"callback_url": callback_url}});
    api.post("/v1/conversations", &body).await;
    let conversation = text(&api.post("/v1/conversations", &body).await, "id");
    let mut message = String::new();
    for content in ["one", "two"] {
        let body = json!({"content": content, "content_type": "TEXT", "type": "SYSTEM", "created_by": "a"});
        let said = api.post(&format!("/v1/conversations/{conversation}/messages"), &body).await;
        api.wait_delivered(&text(&said["event"], "id")).await;
        message = text(&said, "id");
    }
    (conversation, message)
}

/// A request to the source that was refused for want of a signature. Two of them, so that there is a second page.
async fn refused_request(api: &Api, source: &str) -> String {
    for body in ["1", "2"] {
        api.request(Method::POST, &format!("/in/{source}"), &[], body).await.expect("an answer");
    }
    let kept = wait::until("the refused requests are kept", || async {
        let kept = api.list(&format!("/v1/sources/{source}/requests"), "outcome=refused").await;
        (kept.len() == 2).then_some(kept)
    });
    text(&kept.await[0], "id")
}

/// A request that reached no source.
async fn unmatched_request(operator: &Api) -> String {
    operator.request(Method::POST, "/in/src_01h455vb4pex5vsknk084sn02q", &[], "1").await.expect("an answer");
    let kept = wait::until("the request is kept", || async {
        let kept = operator.list("/v1/requests", "").await;
        (!kept.is_empty()).then_some(kept)
    });
    text(&kept.await[0], "id")
}

/// Waits until each delivery of the event has failed once.
async fn settled(api: &Api, event: &str) {
    wait::until("the first attempts are recorded", || async {
        let deliveries = api.event_deliveries(event).await;
        (!deliveries.is_empty() && deliveries.iter().all(|delivery| delivery["attempt_count"] == 1))
            .then_some(())
    })
    .await;
}

impl Ids {
    pub fn get(&self, kind: &str) -> &str {
        let found = self.0.iter().find(|(own, _)| *own == kind);
        &found.unwrap_or_else(|| panic!("no id of the kind {kind}")).1
    }

    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, id)| id.as_str())
    }

    /// The same with another id of that kind.
    pub fn with(&self, kind: &str, id: &str) -> Self {
        let replace = |(own, old): &(&'static str, String)| {
            (*own, if *own == kind { id.to_owned() } else { old.clone() })
        };
        Self(self.0.iter().map(replace).collect())
    }

    /// A text of the table with its placeholders filled.
    pub fn fill(&self, template: &str) -> String {
        static UNIQUE: AtomicU64 = AtomicU64::new(0);
        let mut text = template.to_owned();
        for (kind, id) in &self.0 {
            text = text.replace(&format!("<{kind}>"), id);
        }
        if text.contains("<unique>") {
            text = text.replace("<unique>", &UNIQUE.fetch_add(1, Ordering::Relaxed).to_string());
        }
        text
    }
}

impl Call {
    /// Its path and query with these ids.
    pub fn target(&self, path_ids: &Ids, query_ids: &Ids) -> String {
        let mut path = self.path.clone();
        for kind in self.row.ids {
            let (start, end) = (path.find('{').expect("an id"), path.find('}').expect("an id"));
            path.replace_range(start..=end, path_ids.get(kind));
        }
        match self.row.query {
            "" => path,
            query => format!("{path}?{}", query_ids.fill(query)),
        }
    }

    /// A valid body with these ids.
    pub fn body(&self, ids: &Ids) -> String {
        ids.fill(self.row.body)
    }

    /// The body as JSON.
    pub fn json(&self, ids: &Ids) -> Value {
        serde_json::from_str(&self.body(ids)).expect("the table holds JSON")
    }

    /// Sends it, with the credentials of a source where those are asked for.
    pub async fn send(&self, api: &Api, ids: &Ids) -> Answer {
        if self.path != "/" {
            return self.send_to(api, &self.target(ids, ids), self.body(ids)).await;
        }
        let pair = format!("Basic {}", ids.get("pair"));
        let headers = [("authorization", &*pair)];
        let answer = api.request(self.method.clone(), &self.path, &headers, self.body(ids)).await;
        answer.unwrap_or_else(|error| panic!("{} /: {error}", self.method))
    }

    /// Sends it to another target or with another body.
    pub async fn send_to(&self, api: &Api, target: &str, body: impl Into<bytes::Bytes>) -> Answer {
        let body = body.into();
        // A GET or DELETE without a body has no media type either.
        let method: Method = self.method.clone();
        let answer = api.request(method, target, &[], body).await;
        answer.unwrap_or_else(|error| panic!("{} {target}: {error}", self.method))
    }
}
