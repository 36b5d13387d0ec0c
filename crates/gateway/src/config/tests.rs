use std::path::Path;

use stentor_core::plan::{Feature, Period};

use super::*;

fn sources(folder: &Path, variables: &[(&str, &str)], flags: &[(Setting, &str)]) -> Sources {
    Sources {
        file: None,
        folder: folder.to_owned(),
        variables: variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        flags: flags.iter().map(|(setting, value)| (*setting, (*value).into())).collect(),
    }
}

fn load_file(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(FILE_NAME), text).expect("writable");
    Config::load(&sources(folder.path(), &[], &[]))
}

#[test]
fn flags_beat_variables_beat_the_file_beats_the_defaults() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |variables: &[_], flags: &[_]| {
        Config::load(&sources(folder.path(), variables, flags)).expect("valid").retention.days.get()
    };
    let (variable, flag) = (("STENTOR_RETENTION_DAYS", "8"), (Setting::RetentionDays, "9"));
    assert_eq!(load(&[], &[]), 30);
    std::fs::write(folder.path().join(FILE_NAME), "[retention]\ndays = 7\n").expect("writable");
    assert_eq!(load(&[], &[]), 7);
    assert_eq!(load(&[variable], &[]), 8);
    assert_eq!(load(&[variable], &[flag]), 9);
}

#[test]
fn what_is_wrong_in_the_file_has_line_and_column() {
    for (text, place, told) in [
        ("\nlisen = \"127.0.0.1:1\"\n", "stentor.toml:2:1", "unknown field `lisen`"),
        ("[log]\nformat = \"pretty\"\n  colour = true\n", "stentor.toml:3:3", "unknown field `colour`"),
        ("[loging]\n", "stentor.toml:1:2", "unknown field `loging`"),
        ("[retention]\ndays = 0\n", "stentor.toml:2:8", "from 1 to 3650"),
        ("listen = \"localhost\"\n", "stentor.toml:1:10", "socket address"),
        ("[outbound]\nallow = [\"10.0.0.0/8\", \"10.1.2.3/8\"]\n", "stentor.toml:2:", "10.0.0.0/8"),
        ("database = \"mysql://u:secret@h/d\"\n", "stentor.toml:1:12", "sqlite:stentor.db, or postgres://"),
        (
            "database = \"postgres://u:secret@h:x/d\"\n",
            "stentor.toml:1:12",
            "not the address of a PostgreSQL",
        ),
        ("operator_token = \"short-secret\"\n", "stentor.toml:1:18", "16 to 512"),
        ("operator_token = \"secret", "stentor.toml:1:", "string"),
        ("master_key = \"secret\"\n", "stentor.toml:1:1", "unknown field `master_key`"),
        ("[outbound]\nproxy = \"socks5h://u:secret@h\"\n", "stentor.toml:2:9", "socks5://"),
        ("[outbound]\negress_ips = [\"203.0.113.9/24\"]\n", "stentor.toml:2:14", "203.0.113.0/28"),
        ("[log]\nlevel = \"loud\"\n", "stentor.toml:2:9", "error, warn"),
        ("[plans.a]\nquota = 5\n\n[plans.b]\nqouta = 5\n", "stentor.toml:5:1", "unknown field `qouta`"),
        ("[plans.a]\npublish_rate = 0\n", "stentor.toml:2:16", "from 1 to 1000000"),
        ("[plans.a]\nbacklog = -1\n", "stentor.toml:2:11", "invalid value"),
        ("[plans.a]\nquota = 1\nquota_period = \"week\"\n", "stentor.toml:3:16", "`day` or `month`"),
        ("[plans.a]\nfeatures = [\"ingset\"]\n", "stentor.toml:2:13", "expected `ingest`"),
        ("\n[plans.a]\npublish_burst = 5\n", "stentor.toml:2:1", "needs publish_rate"),
        ("\n[plans.a]\nquota_period = \"day\"\n", "stentor.toml:2:1", "needs quota"),
    ] {
        let error = load_file(text).expect_err(text).to_string();
        assert!(error.contains(place), "{text}: {error}");
        assert!(error.contains(told), "{text}: {error}");
        assert!(!error.contains("secret"), "{text}: {error}");
    }
}

#[test]
fn plans_have_their_limits_and_all_features_unless_they_name_some() {
    let text = "[plans.free]\npublish_rate = 10\nbacklog = 5\nquota = 7\nfeatures = []\n\n[plans.pro]\nquota = 9\n\
                quota_period = \"day\"\npublish_rate = 3\npublish_burst = 8\n";
    let plans = load_file(text).expect("valid").plans();
    assert_eq!(plans.names().collect::<Vec<_>>(), ["default", "free", "pro"]);
    let plan = |name| plans.get(name).expect("defined");
    let pace = |name| plan(name).publish.map(|publish| (publish.rate.get(), publish.burst.get()));
    assert_eq!((pace("free"), pace("pro"), pace("default")), (Some((10, 10)), Some((3, 8)), None));
    assert_eq!((plan("free").backlog, plan("pro").backlog), (Some(5), None));
    let quota = |name| plan(name).quota.map(|quota| (quota.events, quota.period));
    assert_eq!((quota("free"), quota("pro")), (Some((7, Period::Month)), Some((9, Period::Day))));
    assert_eq!((plan("free").features.len(), plan("pro").features.len()), (0, Feature::ALL.len()));
    assert!(!plans.default_plan().limits());
}

#[test]
fn variables_that_mean_nothing_are_refused_and_service_links_passed_over() {
    let folder = Path::new("/nonexistent");
    let load = |name: &str, value: &str| Config::load(&sources(folder, &[(name, value)], &[]));
    for name in ["STENTOR_OPERATR_TOKEN", "STENTOR_", "STENTOR_LOG_LEVEL", "STENTOR_PORTS"] {
        let error = load(name, "secret").expect_err(name).to_string();
        assert!(
            error.starts_with(name) && error.contains("OPERATOR_TOKEN") && !error.contains("secret"),
            "{error}"
        );
    }
    for name in
        ["HOME", "stentor_x", "STENTOR_URL", "STENTOR_SERVICE_HOST", "STENTOR_PORT", "STENTOR_PORT_8080_TCP"]
    {
        assert_eq!(load(name, "tcp://10.0.0.1").expect(name), Config::default());
    }
}

#[test]
fn a_wrong_value_names_its_variable_or_flag_and_is_not_repeated() {
    for setting in Setting::ALL.iter().filter(|setting| **setting != Setting::MasterKeyFile) {
        let wrong = "\u{7f}secret";
        let variable = Config::load(&sources(Path::new("/nonexistent"), &[(setting.variable(), wrong)], &[]));
        let flag = Config::load(&sources(Path::new("/nonexistent"), &[], &[(*setting, wrong)]));
        let (variable, flag) =
            (variable.expect_err(setting.key()).to_string(), flag.expect_err(setting.key()).to_string());
        assert!(variable.starts_with(setting.variable()), "{variable}");
        assert!(flag.starts_with(&setting.flag()), "{flag}");
        // An allow rule is the operator's own and no secret.
        assert!(*setting == Setting::OutboundAllow || !variable.contains("secret"), "{variable}");
    }
}

#[test]
fn a_key_from_a_stronger_source_replaces_a_weaker_one() {
    let folder = Path::new("/nonexistent");
    let key = ("STENTOR_MASTER_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    let config = Config::load(&sources(folder, &[key], &[])).expect("valid");
    assert!(config.master_key.is_some() && !format!("{config:?}").contains("0011"));
    let config = Config::load(&sources(folder, &[key], &[(Setting::MasterKeyFile, "x.key")])).expect("valid");
    assert_eq!((config.master_key, config.master_key_file), (None, Some("x.key".into())));
    let both = [key, ("STENTOR_MASTER_KEY_FILE", "x.key")];
    assert!(Config::load(&sources(folder, &both, &[])).is_err());
}

#[test]
fn a_named_file_must_exist() {
    let named = Sources { file: Some("/nonexistent/x.toml".into()), ..Sources::default() };
    assert!(Config::load(&named).expect_err("missing").to_string().contains("/nonexistent/x.toml"));
}

/// The default file as it is, with every default uncommented, and with every example too.
#[test]
fn the_default_file_shows_every_setting_at_its_default() {
    assert_eq!(load_file(DEFAULT_FILE).expect("all comments"), Config::default());
    let is_setting = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let uncommented =
        |line: &str, start: &str| line.strip_prefix(start).filter(|rest| is_setting(rest)).map(str::to_owned);
    let defaults: Vec<String> =
        DEFAULT_FILE.lines().map(|line| uncommented(line, "# ").unwrap_or_else(|| line.into())).collect();
    assert_eq!(load_file(&defaults.join("\n")).expect("defaults"), Config::default());
    for setting in Setting::ALL {
        assert!(DEFAULT_FILE.contains(setting.variable()), "{}", setting.variable());
        let name = setting.key().rsplit('.').next().expect("a name");
        let shown = |start: &str| {
            DEFAULT_FILE.lines().any(|line| {
                line.strip_prefix(start).is_some_and(|rest| rest.starts_with(&format!("{name} = ")))
            })
        };
        assert!(*setting == Setting::MasterKey || shown("# ") || shown("# example: "), "{name}");
    }
    // As many uncommented lines as there are settings with a default.
    assert_eq!(defaults.iter().filter(|line| is_setting(line)).count(), Setting::ALL.len() - 6);
}
