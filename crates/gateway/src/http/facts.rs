//! What handlers may tell about how the gateway is set up. Nothing secret is in it.

use stentor_core::address::classify;

use crate::config::Config;

/// Facts about the configuration, made once at start.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    egress: Vec<String>,
    user_agent: String,
    configuration: serde_json::Value,
}

impl Facts {
    /// What can be told of this configuration.
    pub fn of(config: &Config) -> Self {
        let outbound = &config.outbound;
        let mut egress: Vec<String> = outbound.egress_ips.iter().map(|range| range.to_string()).collect();
        // A public address that requests leave from directly is what receivers see.
        let own = outbound.bind_address.filter(|ip| outbound.proxy.is_none() && classify(*ip).is_ok());
        if egress.is_empty() {
            egress.extend(own.map(|ip| ip.to_string()));
        }
        let user_agent = outbound.user_agent.value().to_str().unwrap_or_default().to_owned();
        Self { egress, user_agent, configuration: config.shown() }
    }

    /// The addresses and networks that receivers see; empty when that is not known.
    pub fn egress(&self) -> &[String] {
        &self.egress
    }

    /// The `User-Agent` of requests.
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// The configuration in force, for the operator.
    pub fn configuration(&self) -> &serde_json::Value {
        &self.configuration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(bind: Option<&str>, ranges: &str, proxy: Option<&str>) -> Vec<String> {
        let mut config = Config::default();
        config.outbound.bind_address = bind.map(|text| text.parse().expect("an address"));
        config.outbound.egress_ips = ranges.parse().expect("ranges");
        config.outbound.proxy = proxy.map(|text| text.parse().expect("a proxy"));
        Facts::of(&config).egress().to_vec()
    }

    #[test]
    fn what_is_stated_stands_and_else_a_public_address_that_is_bound() {
        let public = Some("93.184.216.34");
        assert_eq!(facts(public, "203.0.113.7", None), ["203.0.113.7"]);
        assert_eq!(facts(public, "", None), ["93.184.216.34"]);
        assert_eq!(facts(Some("10.0.0.7"), "", None), Vec::<String>::new());
        assert_eq!(facts(public, "", Some("socks5://proxy")), Vec::<String>::new());
        assert_eq!(facts(None, "", None), Vec::<String>::new());
    }
}
