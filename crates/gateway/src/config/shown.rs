//! The configuration in force as it may be shown to the operator: every setting, no secret.

use serde_json::{Value, json};

use super::{Config, LogFormat};

impl Config {
    /// All settings by their names in the file.
    pub fn shown(&self) -> Value {
        json!({
            "listen": self.listen.to_string(),
            "database": self.database.shown(),
            "dev": self.dev,
            "master_key": if self.master_key.is_some() { "given in the environment" } else { "in a file" },
            "master_key_file": self.master_key_file.as_ref().map(|path| path.display().to_string()),
            "operator_token": if self.operator_token.is_some() { "configured" } else { "made at the first start" },
            "log": {
                "format": match self.log.format { LogFormat::Pretty => "pretty", LogFormat::Json => "json" },
                "level": format!("{:?}", self.log.level).trim_matches('"'),
            },
            "retention": { "days": self.retention.days.get() },
            "outbound": self.shown_outbound(),
            "http": { "trusted_proxies": self.http.trusted_proxies.iter().collect::<Vec<_>>() },
            "limits": {
                "connections": self.limits.connections.get(),
                "connections_per_peer": self.limits.connections_per_peer.get(),
                "waiting_events": self.limits.waiting_events.get(),
                "waiting_events_per_tenant": self.limits.waiting_events_per_tenant.get(),
                "wrong_tokens": self.limits.wrong_tokens.get(),
            },
            "metrics": { "public": self.metrics.public },
            "plans": self.plans.keys().collect::<Vec<_>>(),
            "shutdown": {
                "drain_seconds": self.shutdown.drain_seconds.get(),
                "delay_seconds": self.shutdown.delay_seconds.get(),
            },
        })
    }

    fn shown_outbound(&self) -> Value {
        let outbound = &self.outbound;
        json!({
            "allow": outbound.allow.iter().map(|rule| rule.to_string()).collect::<Vec<_>>(),
            "http": outbound.http,
            "internal_names": outbound.internal_names,
            "concurrency": outbound.concurrency.get(),
            "user_agent": outbound.user_agent.value().to_str().unwrap_or_default(),
            "bind_address": outbound.bind_address,
            "egress_ips": outbound.egress_ips.iter().collect::<Vec<_>>(),
            "proxy": outbound.proxy.as_ref().map(|proxy| proxy.shown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, Setting, Sources};

    #[test]
    fn every_setting_shows_and_no_secret_does() {
        let key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let variables = [
            ("STENTOR_MASTER_KEY", key),
            ("STENTOR_OPERATOR_TOKEN", "the-operators-secret"),
            ("STENTOR_OUTBOUND_PROXY", "socks5://proxy-user:proxy-secret@proxy:1080"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let folder = Path::new("/nonexistent").to_owned();
        let config = Config::load(&Sources { folder, variables, ..Sources::default() }).expect("valid");
        let shown = config.shown();
        for setting in Setting::ALL {
            let pointer = format!("/{}", setting.key().replace('.', "/"));
            assert!(shown.pointer(&pointer).is_some(), "{pointer}");
        }
        let text = shown.to_string();
        for secret in [key, "operators-secret", "proxy-secret", "proxy-user"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
