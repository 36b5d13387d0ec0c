//! Open schemes, those of Stentor itself, and plain credentials.

use super::{Evidence, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "basic",
        title: "Basic authentication",
        documentation: "https://www.rfc-editor.org/rfc/rfc7617",
        secret: "username:password",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "basic", "event_type": [{"body": "event"}, {"body": "type"}]
        }"#,
    },
    Row {
        name: "broxi",
        title: "BroxiAI",
        documentation: "docs/profiles.md",
        secret: "webhook secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Broxi-Signature"},
            "timestamp": {"from": {"header": "X-Broxi-Timestamp"}}, "dedupe": [{"body": "delivery_id"}],
            "event_type": [{"body": "event"}], "require": {"body": ["event", "timestamp", "data"]},
            "forward": ["x-broxi-*"]
        }"#,
    },
    Row {
        name: "broxi-timestamped",
        title: "BroxiAI, with the timestamp signed",
        documentation: "docs/profiles.md",
        secret: "webhook secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Broxi-Signature"},
            "signed": "{timestamp}.{body}", "timestamp": {"from": {"header": "X-Broxi-Timestamp"}},
            "dedupe": [{"body": "delivery_id"}], "event_type": [{"body": "event"}],
            "require": {"body": ["event", "timestamp", "data"]}, "forward": ["x-broxi-*"]
        }"#,
    },
    Row {
        name: "clerk",
        title: "Clerk",
        documentation: "https://clerk.com/docs/webhooks/overview",
        secret: "signing secret (whsec_…)",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "standard", "event_type": [{"body": "type"}], "forward": ["svix-*"]
        }"#,
    },
    Row {
        name: "cloudevents",
        title: "CloudEvents HTTP webhook",
        documentation: "https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
        secret: "bearer token",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "equality", "signature": {"header": "Authorization", "prefix": "Bearer "},
            "dedupe": [{"header": "ce-id"}, {"body": "id"}],
            "event_type": [{"header": "ce-type"}, {"body": "type"}], "challenge": "cloudevents",
            "forward": ["ce-*"]
        }"#,
    },
    Row {
        name: "conversation",
        title: "Stentor's profile conversation",
        documentation: "docs/profiles.md",
        secret: "the conversation's secret",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "standard", "forward": ["webhook-*"]
        }"#,
    },
    Row {
        name: "openai",
        title: "OpenAI",
        documentation: "https://platform.openai.com/docs/guides/webhooks",
        secret: "signing secret (whsec_…)",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "standard", "event_type": [{"body": "type"}], "forward": ["webhook-*"]
        }"#,
    },
    Row {
        name: "resend",
        title: "Resend",
        documentation: "https://resend.com/docs/dashboard/webhooks/verify-webhooks-requests",
        secret: "signing secret (whsec_…)",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "standard", "event_type": [{"body": "type"}], "forward": ["svix-*"]
        }"#,
    },
    Row {
        name: "resource",
        title: "Stentor's profile resource",
        documentation: "docs/profiles.md",
        secret: "webhook secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Webhook-Signature"},
            "id": {"body": "id"}, "event_type": [{"body": "type"}], "forward": ["x-webhook-signature"]
        }"#,
    },
    Row {
        name: "standard",
        title: "Standard Webhooks",
        documentation: "https://www.standardwebhooks.com",
        secret: "signing secret (whsec_…) or public key (whpk_…)",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "standard", "event_type": [{"body": "type"}], "forward": ["webhook-*"]
        }"#,
    },
    Row {
        name: "svix",
        title: "Svix",
        documentation: "https://docs.svix.com/receiving/verifying-payloads/how-manual",
        secret: "signing secret (whsec_…)",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "standard", "event_type": [{"body": "type"}, {"body": "eventType"}],
            "forward": ["svix-*", "webhook-*"]
        }"#,
    },
    Row {
        name: "token",
        title: "Bearer token",
        documentation: "https://www.rfc-editor.org/rfc/rfc6750",
        secret: "token",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "equality", "signature": {"header": "Authorization", "prefix": "Bearer "},
            "event_type": [{"body": "event"}, {"body": "type"}]
        }"#,
    },
];
