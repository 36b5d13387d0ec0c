//! Sales, forms and accounts.

use super::{Evidence, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "calendly",
        title: "Calendly",
        documentation: "https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
        secret: "signing key",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256",
            "signature": {"header": "Calendly-Webhook-Signature", "parts": {"separator": ",", "signature": "v1"}},
            "signed": "{timestamp}.{body}", "timestamp": {"from": {"part": "t"}},
            "event_type": [{"body": "event"}], "forward": ["calendly-webhook-signature"]
        }"#,
    },
    Row {
        name: "docusign",
        title: "DocuSign Connect",
        documentation: "https://developers.docusign.com/platform/webhooks/connect/hmac/",
        secret: "HMAC key",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-DocuSign-Signature", "numbered": true},
            "encoding": "base64", "event_type": [{"body": "event"}], "forward": ["x-docusign-signature-*"]
        }"#,
    },
    Row {
        name: "hubspot",
        title: "HubSpot (version 3)",
        documentation: "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation",
        secret: "client secret",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "hubspot", "dedupe": [{"body": "0.eventId"}],
            "event_type": [{"body": "0.subscriptionType"}, {"body": "0.eventType"}],
            "forward": ["x-hubspot-*"]
        }"#,
    },
    Row {
        name: "hubspot-legacy",
        title: "HubSpot (versions 1 and 2)",
        documentation: "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation",
        secret: "client secret",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "hubspot-legacy", "dedupe": [{"body": "0.eventId"}],
            "event_type": [{"body": "0.subscriptionType"}, {"body": "0.eventType"}],
            "forward": ["x-hubspot-*"]
        }"#,
    },
    Row {
        name: "okta",
        title: "Okta event hooks",
        documentation: "https://developer.okta.com/docs/concepts/event-hooks/",
        secret: "authentication secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "equality", "signature": {"header": "Authorization"}, "id": {"body": "eventId"},
            "event_type": [{"body": "data.events.0.eventType"}], "challenge": "okta"
        }"#,
    },
    Row {
        name: "typeform",
        title: "Typeform",
        documentation: "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "Typeform-Signature", "prefix": "sha256="},
            "encoding": "base64", "id": {"body": "event_id"}, "event_type": [{"body": "event_type"}],
            "forward": ["typeform-signature"]
        }"#,
    },
    Row {
        name: "xero",
        title: "Xero",
        documentation: "https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/",
        secret: "webhook key",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "x-xero-signature"}, "encoding": "base64",
            "dedupe": [{"body": "firstEventSequence"}], "event_type": [{"body": "events.0.eventType"}],
            "challenge": "xero", "forward": ["x-xero-signature"]
        }"#,
    },
    Row {
        name: "zendesk",
        title: "Zendesk",
        documentation: "https://developer.zendesk.com/documentation/webhooks/verifying/",
        secret: "signing secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Zendesk-Webhook-Signature"},
            "encoding": "base64", "signed": "{timestamp}{body}",
            "timestamp": {"from": {"header": "X-Zendesk-Webhook-Signature-Timestamp"}, "unit": "iso"},
            "dedupe": [{"header": "X-Zendesk-Webhook-Invocation-Id"}], "event_type": [{"body": "type"}],
            "forward": ["x-zendesk-webhook-*"]
        }"#,
    },
];
