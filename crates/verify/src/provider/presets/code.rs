//! Code, builds and sites.

use super::{Evidence, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "bitbucket",
        title: "Bitbucket Cloud",
        documentation: "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Hub-Signature", "prefix": "sha256="},
            "dedupe": [{"header": "X-Request-UUID"}], "event_type": [{"header": "X-Event-Key"}],
            "forward": ["x-hub-signature", "x-event-key", "x-hook-uuid", "x-request-uuid", "x-attempt-number"]
        }"#,
    },
    Row {
        name: "forgejo",
        title: "Forgejo",
        documentation: "https://forgejo.org/docs/latest/user/webhooks/",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Forgejo-Signature"},
            "dedupe": [{"header": "X-Forgejo-Delivery"}], "event_type": [{"header": "X-Forgejo-Event"}],
            "forward": ["x-forgejo-*", "x-gitea-*"]
        }"#,
    },
    Row {
        name: "gitea",
        title: "Gitea",
        documentation: "https://docs.gitea.com/usage/webhooks",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Gitea-Signature"},
            "dedupe": [{"header": "X-Gitea-Delivery"}], "event_type": [{"header": "X-Gitea-Event"}],
            "forward": ["x-gitea-*"]
        }"#,
    },
    Row {
        name: "github",
        title: "GitHub",
        documentation: "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
        secret: "webhook secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Hub-Signature-256", "prefix": "sha256="},
            "dedupe": [{"header": "X-GitHub-Delivery"}], "event_type": [{"header": "X-GitHub-Event"}],
            "forward": ["x-hub-signature", "x-hub-signature-256", "x-github-*"]
        }"#,
    },
    Row {
        name: "gitlab",
        title: "GitLab (secret token)",
        documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
        secret: "secret token",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "equality", "signature": {"header": "X-Gitlab-Token"},
            "dedupe": [{"header": "Idempotency-Key"}],
            "event_type": [{"header": "X-Gitlab-Event"}, {"body": "object_kind"}],
            "forward": ["x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance", "x-gitlab-webhook-uuid", "idempotency-key"]
        }"#,
    },
    Row {
        name: "gitlab-signed",
        title: "GitLab (signing token)",
        documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
        secret: "signing token (whsec_…)",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "standard", "event_type": [{"header": "X-Gitlab-Event"}, {"body": "object_kind"}],
            "forward": ["webhook-*", "x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance", "x-gitlab-webhook-uuid", "idempotency-key"]
        }"#,
    },
    Row {
        name: "jira",
        title: "Jira Cloud",
        documentation: "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Hub-Signature", "prefix": "sha256="},
            "dedupe": [{"header": "X-Atlassian-Webhook-Identifier"}],
            "event_type": [{"body": "webhookEvent"}],
            "forward": ["x-hub-signature", "x-atlassian-webhook-*"]
        }"#,
    },
    Row {
        name: "linear",
        title: "Linear",
        documentation: "https://linear.app/developers/webhooks",
        secret: "signing secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "Linear-Signature"},
            "timestamp": {"from": {"body": "webhookTimestamp"}, "unit": "ms"}, "tolerance_seconds": 60,
            "dedupe": [{"header": "Linear-Delivery"}],
            "event_type": [{"header": "Linear-Event"}, {"body": "type"}], "forward": ["linear-*"]
        }"#,
    },
    Row {
        name: "sentry",
        title: "Sentry",
        documentation: "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
        secret: "client secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "Sentry-Hook-Signature"},
            "dedupe": [{"header": "Request-ID"}], "event_type": [{"header": "Sentry-Hook-Resource"}],
            "forward": ["sentry-hook-*", "request-id"]
        }"#,
    },
    Row {
        name: "vercel",
        title: "Vercel",
        documentation: "https://vercel.com/docs/webhooks/webhooks-api",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha1", "signature": {"header": "x-vercel-signature"}, "id": {"body": "id"},
            "event_type": [{"body": "type"}], "forward": ["x-vercel-signature"]
        }"#,
    },
    Row {
        name: "webflow",
        title: "Webflow",
        documentation: "https://developers.webflow.com/data/docs/working-with-webhooks",
        secret: "client secret or webhook secret key",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "x-webflow-signature"},
            "signed": "{timestamp}:{body}",
            "timestamp": {"from": {"header": "x-webflow-timestamp"}, "unit": "ms"},
            "event_type": [{"body": "triggerType"}], "forward": ["x-webflow-*"]
        }"#,
    },
];
