//! Clouds and operations.

use super::{Evidence, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "aws-sns",
        title: "Amazon SNS",
        documentation: "https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html",
        secret: "ARN of the topic",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "sns", "tolerance_seconds": 3600, "challenge": "sns", "forward": ["x-amz-sns-*"]
        }"#,
    },
    Row {
        name: "dropbox",
        title: "Dropbox",
        documentation: "https://www.dropbox.com/developers/reference/webhooks",
        secret: "app secret",
        evidence: Evidence::C,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Dropbox-Signature"},
            "challenge": "dropbox", "forward": ["x-dropbox-signature"]
        }"#,
    },
    Row {
        name: "pagerduty",
        title: "PagerDuty",
        documentation: "https://developer.pagerduty.com/docs/verifying-signatures",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256",
            "signature": {"header": "X-PagerDuty-Signature", "prefix": "v1=", "separator": ","},
            "id": {"body": "event.id"}, "event_type": [{"body": "event.event_type"}],
            "forward": ["x-pagerduty-signature", "x-webhook-*"]
        }"#,
    },
];
