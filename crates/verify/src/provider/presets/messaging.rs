//! Messages, mail and calls.

use super::{Evidence, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "discord",
        title: "Discord",
        documentation: "https://docs.discord.com/developers/events/webhook-events",
        secret: "public key (hex)",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "ed25519", "signature": {"header": "X-Signature-Ed25519"}, "key": "hex",
            "signed": "{timestamp}{body}", "timestamp": {"from": {"header": "X-Signature-Timestamp"}},
            "id": {"body": "id"}, "event_type": [{"body": "event.type"}, {"body": "type"}],
            "challenge": "discord", "forward": ["x-signature-ed25519", "x-signature-timestamp"]
        }"#,
    },
    Row {
        name: "intercom",
        title: "Intercom",
        documentation: "https://developers.intercom.com/docs/webhooks",
        secret: "client secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha1", "signature": {"header": "X-Hub-Signature", "prefix": "sha1="},
            "id": {"body": "id"}, "event_type": [{"body": "topic"}], "forward": ["x-hub-signature"]
        }"#,
    },
    Row {
        name: "meta",
        title: "Meta (Facebook, Instagram, WhatsApp)",
        documentation: "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
        secret: "app secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Hub-Signature-256", "prefix": "sha256="},
            "event_type": [{"body": "entry.0.changes.0.field"}, {"body": "object"}], "challenge": "meta",
            "forward": ["x-hub-signature", "x-hub-signature-256"]
        }"#,
    },
    Row {
        name: "postmark",
        title: "Postmark",
        documentation: "https://postmarkapp.com/developer/webhooks/webhooks-overview",
        secret: "username:password",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "basic", "event_type": [{"body": "RecordType"}]
        }"#,
    },
    Row {
        name: "sendgrid",
        title: "SendGrid",
        documentation: "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
        secret: "verification key (public)",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "ecdsa-p256", "signature": {"header": "X-Twilio-Email-Event-Webhook-Signature"},
            "encoding": "base64", "signed": "{timestamp}{body}",
            "timestamp": {"from": {"header": "X-Twilio-Email-Event-Webhook-Timestamp"}},
            "tolerance_seconds": 3600, "dedupe": [{"body": "0.sg_event_id"}],
            "event_type": [{"body": "0.event"}], "forward": ["x-twilio-email-event-webhook-*"]
        }"#,
    },
    Row {
        name: "slack",
        title: "Slack",
        documentation: "https://docs.slack.dev/authentication/verifying-requests-from-slack",
        secret: "signing secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Slack-Signature", "prefix": "v0="},
            "signed": "v0:{timestamp}:{body}",
            "timestamp": {"from": {"header": "X-Slack-Request-Timestamp"}}, "id": {"body": "event_id"},
            "event_type": [{"body": "event.type"}, {"body": "type"}], "challenge": "slack",
            "forward": ["x-slack-*"]
        }"#,
    },
    Row {
        name: "telegram",
        title: "Telegram bots",
        documentation: "https://core.telegram.org/bots/api#setwebhook",
        secret: "secret token",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "equality", "signature": {"header": "X-Telegram-Bot-Api-Secret-Token"},
            "dedupe": [{"body": "update_id"}]
        }"#,
    },
    Row {
        name: "twilio",
        title: "Twilio",
        documentation: "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
        secret: "auth token or shared key",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "twilio", "dedupe": [{"header": "I-Twilio-Idempotency-Token"}],
            "event_type": [{"body": "type"}, {"body": "0.type"}],
            "forward": ["x-twilio-signature", "x-twilio-webhooks-signature-settings", "i-twilio-idempotency-token"]
        }"#,
    },
    Row {
        name: "x",
        title: "X",
        documentation: "https://docs.x.com/x-api/webhooks/introduction",
        secret: "consumer secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256",
            "signature": {"header": "X-Twitter-Webhooks-Signature", "prefix": "sha256="},
            "encoding": "base64", "challenge": "x", "forward": ["x-twitter-webhooks-signature"]
        }"#,
    },
    Row {
        name: "zoom",
        title: "Zoom",
        documentation: "https://developers.zoom.us/docs/api/webhooks/",
        secret: "secret token",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "x-zm-signature", "prefix": "v0="},
            "signed": "v0:{timestamp}:{body}", "timestamp": {"from": {"header": "x-zm-request-timestamp"}},
            "event_type": [{"body": "event"}], "challenge": "zoom", "forward": ["x-zm-*"]
        }"#,
    },
];
