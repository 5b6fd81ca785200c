//! What follows from a database's engine.

/// The port that databases of an engine listen on unless a person chose another.
pub(super) fn port(engine: &str) -> u16 {
    match engine {
        "docdb" => 27017,
        "neptune" => 8182,
        _ if engine.contains("postgres") => 5432,
        _ if engine.contains("oracle") => 1521,
        _ if engine.contains("sqlserver") => 1433,
        _ if engine.starts_with("db2") => 50000,
        _ => 3306,
    }
}

/// LicenseModel of a cluster.
pub(super) fn license_of_cluster(engine: &str) -> &'static str {
    match engine {
        "docdb" => "na",
        "neptune" => "amazon-license",
        _ if engine.contains("postgres") => "postgresql-license",
        _ => "general-public-license",
    }
}

/// MajorEngineVersion, as option groups name it: `17` of 17.6, `8.4` of 8.4.6.
pub(super) fn major_version(engine: &str, version: &str) -> String {
    let parts = if engine.contains("postgres") || engine.contains("oracle") {
        1
    } else {
        2
    };
    let parts: Vec<&str> = version.split('.').take(parts).collect();
    parts.join(".")
}

/// How the names of the option groups begin that every region has.
pub(super) const DEFAULT_GROUP: &str = "default:";

/// The option group that a database or copy has unless another is named.
pub(super) fn default_option_group(engine: &str, version: &str) -> String {
    let major = major_version(engine, version).replace('.', "-");
    format!("{DEFAULT_GROUP}{engine}-{major}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_default_groups_are_those_of_the_engine() {
        for (engine, version, expected) in [
            ("postgres", "17.6", (5432, "default:postgres-17")),
            (
                "aurora-postgresql",
                "16.9",
                (5432, "default:aurora-postgresql-16"),
            ),
            ("mysql", "8.4.6", (3306, "default:mysql-8-4")),
            (
                "sqlserver-se",
                "16.00.4215.2.v1",
                (1433, "default:sqlserver-se-16-00"),
            ),
            (
                "oracle-ee",
                "19.0.0.0.ru-2025-01",
                (1521, "default:oracle-ee-19"),
            ),
            ("docdb", "5.0.0", (27017, "default:docdb-5-0")),
            ("neptune", "1.4.5.0", (8182, "default:neptune-1-4")),
        ] {
            let found = default_option_group(engine, version);
            assert_eq!((port(engine), found.as_str()), expected);
        }
    }
}
