//! The environment in which a person's commands find the local world.

use super::{LocalError, LocalStack};

impl LocalStack {
    /// The variables with which `aws` of either version and `snapferry` reach the local world, each once. RDS is another
    /// server.
    ///
    /// # Errors
    /// When the stack lacks the output that says them.
    pub fn environment(&self, rds: &str) -> Result<Vec<(String, String)>, LocalError> {
        let own = [
            ("AWS_ACCESS_KEY_ID", self.account().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ENDPOINT_URL_RDS", rds.to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let mut all = exported(self.output("CliEnvironment")?);
        all.extend(own);
        Ok(all)
    }
}

/// The variables that a text of `export NAME='value'` lines sets.
fn exported(text: &str) -> Vec<(String, String)> {
    let one = |line: &str| {
        let (name, value) = line.trim().strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    text.lines().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_variables_are_read_without_their_quotes() {
        let text = "export A='one two'\n# no\nexport B='x=y'\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(exported(text), [pair("A", "one two"), pair("B", "x=y")]);
    }
}
