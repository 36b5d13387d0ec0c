//! One valid call per operation. `<kind>` stands for an id of [`super::Ids`], `<unique>` for a text that never repeats.

/// How an operation is called.
#[derive(Debug)]
pub struct Row {
    pub operation: &'static str,
    /// The kinds of the ids in its path, in their order.
    pub ids: &'static [&'static str],
    /// Its query without `?`, with every id that it takes.
    pub query: &'static str,
    /// Its body with every id that it takes; empty for none.
    pub body: &'static str,
}

const fn row(
    operation: &'static str,
    ids: &'static [&'static str],
    query: &'static str,
    body: &'static str,
) -> Row {
    Row { operation, ids, query, body }
}

pub const ROWS: &[Row] = &[
    row("healthz", &[], "", ""),
    row("readyz", &[], "", ""),
    row("publishEvent", &[], "", r#"{"type":"order.paid","data":{"n":1},"subject":"s","metadata":{"m":1}}"#),
    row("publishEvents", &[], "", r#"{"events":[{"type":"order.paid","data":{"n":1}}]}"#),
    row("listEvents", &[], "type=order.*", ""),
    row("getEvent", &["event"], "", ""),
    row("listEventDeliveries", &["event"], "", ""),
    row("replayEvent", &["event"], "", r#"{"webhook_id":"<webhook>"}"#),
    row("listDeliveries", &[], "webhook_id=<webhook>&event_id=<event>", ""),
    row("getDelivery", &["delivery"], "", ""),
    row("retryDelivery", &["delivery"], "", ""),
    row("listWebhookDeliveries", &["webhook"], "", ""),
    row(
        "createWebhook",
        &[],
        "",
        r#"{"url":"http://127.0.0.1:65000/","events":["order.paid"],"name":"n","active":false,"profile":"raw","timeout":5,
            "headers":{"x-key":"v"},"filters":{"n":1},"conditions":{"m":{"exists":false}},"ordered":false,"on_dead":"<webhook>",
            "metadata":{"m":1},"disable":{"failing_for":60,"gone":true},
            "limits":{"concurrency":2,"rate":{"count":5,"period":60}},"secret":"not so secret",
            "retry_policy":{"schedule":[0,5],"jitter_percent":5,"retry_conditions":{"status_codes":[500]},
            "non_retry_conditions":{"status_codes":[400]}},
            "format":"broxi","transform":{"headers":{"x-t":"1"}},"cloudevents":{"source":"/s"},
            "signature":{"scheme":"hex","header":"x-signature","timestamp_header":"x-time","content":"body","prefix":"p=",
            "also":[{"scheme":"standard"}]}}"#,
    ),
    row("listWebhooks", &[], "", ""),
    row("getWebhook", &["webhook"], "", ""),
    row(
        "changeWebhook",
        &["webhook"],
        "",
        r#"{"name":"changed","limits":{"concurrency":3,"rate":{"count":5,"period":60}},"active":true}"#,
    ),
    row(
        "previewWebhook",
        &["webhook"],
        "",
        r#"{"event_id":"<event>","transform":{"body":"{{ event.data }}","headers":{"x-a":"1"},"content_type":"text/plain"}}"#,
    ),
    row("repeatHandshake", &["webhook"], "", ""),
    row("testWebhook", &[], "", r#"{"webhook_id":"<webhook>","event_type":"order.paid","data":{"n":1}}"#),
    row("getWebhookHealth", &["webhook"], "window=7d", ""),
    row("getWebhookStatistics", &["webhook"], "window=24h&interval=minute", ""),
    row("getStatistics", &[], "window=1h", ""),
    row("rotateSecret", &["webhook"], "", r#"{"secret":"another secret","overlap":0}"#),
    row(
        "replayWebhook",
        &["webhook"],
        "",
        r#"{"since":"2020-01-01T00:00:00Z","until":"2020-01-02T00:00:00Z"}"#,
    ),
    row("getReplay", &["replay"], "", ""),
    row(
        "explainWebhook",
        &["webhook"],
        "",
        r#"{"event_id":"<event>","filters":{"n":1},"conditions":{"of":{"exists":true}},"limit":5}"#,
    ),
    row(
        "createRoute",
        &[],
        "",
        r#"{"name":"r","position":0,"match":{"events":["never"],"filters":{"n":1},"conditions":{"m":1}},
            "webhooks":["<webhook>"],"continue":true,"default":false,"active":true}"#,
    ),
    row("listRoutes", &[], "", ""),
    row("getRoute", &["route"], "", ""),
    row(
        "changeRoute",
        &["route"],
        "",
        r#"{"name":"changed","position":0,"match":{"events":["never"],"filters":{"n":1}},"webhooks":["<webhook>"],"active":true}"#,
    ),
    row("orderRoutes", &[], "", r#"{"routes":["<route>"]}"#),
    row("explainRoute", &["route"], "", r#"{"event_id":"<event>","filters":{"n":1},"limit":5}"#),
    row("explainRoutes", &[], "", r#"{"event_id":"<event>"}"#),
    row("createToken", &[], "", r#"{"name":"t","scopes":["manage"],"expires_at":"2999-01-01T00:00:00Z"}"#),
    row("listTokens", &[], "", ""),
    row("createTenant", &[], "", r#"{"name":"tenant <unique>","plan":"default","default_profile":"raw"}"#),
    row("listTenants", &[], "", ""),
    row("getTenant", &["tenant"], "", ""),
    row(
        "changeTenant",
        &["tenant"],
        "",
        r#"{"name":"renamed <unique>","plan":"default","default_profile":null}"#,
    ),
    row("createTenantToken", &["tenant"], "", r#"{"name":"t","scopes":["read"]}"#),
    row("listTenantTokens", &["tenant"], "", ""),
    // From here on something is gone after the call.
    row("cancelDelivery", &["delivery"], "", ""),
    row("deleteRoute", &["route"], "", ""),
    row("deleteWebhook", &["webhook"], "", ""),
    row("revokeToken", &["token"], "", ""),
    row("revokeTenantToken", &["tenant", "other_token"], "", ""),
    row("deleteTenant", &["tenant"], "", ""),
];
