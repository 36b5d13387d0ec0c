//! Payments and shops.

use super::{Evidence, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "adyen",
        title: "Adyen (payments)",
        documentation: "https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures",
        secret: "HMAC key (hex)",
        evidence: Evidence::A,
        scheme: r#"{
            "special": "adyen", "challenge": "adyen"
        }"#,
    },
    Row {
        name: "adyen-platform",
        title: "Adyen (platforms and management)",
        documentation: "https://docs.adyen.com/platforms/secure-webhooks/",
        secret: "HMAC key (hex)",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "HmacSignature"}, "encoding": "base64",
            "key": "hex", "event_type": [{"body": "type"}], "challenge": "adyen", "forward": ["hmacsignature", "protocol"]
        }"#,
    },
    Row {
        name: "chargebee",
        title: "Chargebee",
        documentation: "https://www.chargebee.com/docs/billing/2.0/site-configuration/webhook_settings",
        secret: "username:password",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "basic", "id": {"body": "id"}, "event_type": [{"body": "event_type"}]
        }"#,
    },
    Row {
        name: "lemon-squeezy",
        title: "Lemon Squeezy",
        documentation: "https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
        secret: "signing secret",
        evidence: Evidence::C,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Signature"},
            "event_type": [{"header": "X-Event-Name"}, {"body": "meta.event_name"}],
            "forward": ["x-signature", "x-event-name"]
        }"#,
    },
    Row {
        name: "paddle",
        title: "Paddle Billing",
        documentation: "https://developer.paddle.com/webhooks/signature-verification",
        secret: "endpoint secret key",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256",
            "signature": {"header": "Paddle-Signature", "parts": {"separator": ";", "signature": "h1"}},
            "signed": "{timestamp}:{body}", "timestamp": {"from": {"part": "ts"}},
            "id": {"body": "event_id"}, "event_type": [{"body": "event_type"}],
            "forward": ["paddle-signature"]
        }"#,
    },
    Row {
        name: "paypal",
        title: "PayPal",
        documentation: "https://developer.paypal.com/api/rest/webhooks/rest/",
        secret: "webhook id",
        evidence: Evidence::B,
        scheme: r#"{
            "special": "paypal", "id": {"body": "id"}, "event_type": [{"body": "event_type"}],
            "forward": ["paypal-*"]
        }"#,
    },
    Row {
        name: "razorpay",
        title: "Razorpay",
        documentation: "https://razorpay.com/docs/webhooks/validate-test/",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Razorpay-Signature"},
            "dedupe": [{"header": "X-Razorpay-Event-Id"}], "event_type": [{"body": "event"}],
            "forward": ["x-razorpay-*"]
        }"#,
    },
    Row {
        name: "shopify",
        title: "Shopify",
        documentation: "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        secret: "client secret",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-Shopify-Hmac-SHA256"},
            "encoding": "base64", "dedupe": [{"header": "X-Shopify-Webhook-Id"}],
            "event_type": [{"header": "X-Shopify-Topic"}], "forward": ["x-shopify-*"]
        }"#,
    },
    Row {
        name: "square",
        title: "Square",
        documentation: "https://developer.squareup.com/docs/webhooks/step3validate",
        secret: "signature key",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "x-square-hmacsha256-signature"},
            "encoding": "base64", "signed": "{url}{body}", "id": {"body": "event_id"},
            "event_type": [{"body": "type"}], "forward": ["x-square-hmacsha256-signature"]
        }"#,
    },
    Row {
        name: "stripe",
        title: "Stripe",
        documentation: "https://docs.stripe.com/webhooks/signature",
        secret: "endpoint secret (whsec_…, the whole text)",
        evidence: Evidence::A,
        scheme: r#"{
            "algorithm": "hmac-sha256",
            "signature": {"header": "Stripe-Signature", "parts": {"separator": ",", "signature": "v1"}},
            "signed": "{timestamp}.{body}", "timestamp": {"from": {"part": "t"}}, "id": {"body": "id"},
            "event_type": [{"body": "type"}], "forward": ["stripe-signature"]
        }"#,
    },
    Row {
        name: "woocommerce",
        title: "WooCommerce",
        documentation: "https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks",
        secret: "webhook secret",
        evidence: Evidence::B,
        scheme: r#"{
            "algorithm": "hmac-sha256", "signature": {"header": "X-WC-Webhook-Signature"},
            "encoding": "base64", "dedupe": [{"header": "X-WC-Webhook-Delivery-ID"}],
            "event_type": [{"header": "X-WC-Webhook-Topic"}], "forward": ["x-wc-webhook-*"]
        }"#,
    },
];
