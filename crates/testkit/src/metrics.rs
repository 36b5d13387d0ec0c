//! Reading the Prometheus text format.

/// The sum of a metric over all its label sets, or nothing when the page does not have it.
#[must_use]
pub fn sum(page: &str, name: &str) -> Option<f64> {
    let values: Vec<f64> = page.lines().filter_map(|line| value(line, name)).collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

/// The value of a line if it belongs to the metric.
fn value(line: &str, name: &str) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    let rest = match rest.as_bytes().first()? {
        b' ' => rest,
        // A label value may hold a brace, but never unescaped after the last one of the line.
        b'{' => &rest[rest.rfind('}')? + 1..],
        _ => return None,
    };
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::sum;

    const PAGE: &str = "# HELP stentor_in_flight Started.\n# TYPE stentor_in_flight gauge\nstentor_in_flight 7\n\
        stentor_in_flight_max 9\nstentor_attempts_total{outcome=\"ok\"} 3\n\
        stentor_attempts_total{outcome=\"a}b\"} 4 1700000000\nstentor_seconds 1.5e1\n# EOF\n";

    #[test]
    fn sums_label_sets_and_keeps_names_apart() {
        assert_eq!(sum(PAGE, "stentor_in_flight"), Some(7.0));
        assert_eq!(sum(PAGE, "stentor_attempts_total"), Some(7.0));
        assert_eq!(sum(PAGE, "stentor_seconds"), Some(15.0));
        assert_eq!(sum(PAGE, "stentor_orphans_total"), None);
        assert_eq!(sum(PAGE, "stentor_attempts"), None);
    }
}
