//! What a crate depends on.

use std::collections::BTreeSet;

use anyhow::Context;
use toml::Table;

/// The manifest of a member, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The folder below `crates/`.
    pub name: String,
    /// The package's name: `spica-` and the folder, or `spica` alone.
    pub package: String,
    /// What it is built from and with, on any target: package names.
    pub dependencies: BTreeSet<String>,
    /// What its tests need besides.
    pub dev_dependencies: BTreeSet<String>,
}

impl Manifest {
    /// Reads the manifest of the folder `name`.
    ///
    /// # Errors
    /// If the text is no manifest of a package.
    pub fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let manifest: Table = text.parse().with_context(|| format!("crates/{name}"))?;
        let package = table(&manifest, "package").and_then(|package| package.get("name"));
        let package = package
            .and_then(|package| package.as_str())
            .with_context(|| format!("crates/{name} has no package name"))?;
        let mut parsed = Self {
            name: name.to_owned(),
            package: package.to_owned(),
            dependencies: BTreeSet::new(),
            dev_dependencies: BTreeSet::new(),
        };
        parsed.add(&manifest);
        for target in table(&manifest, "target")
            .into_iter()
            .flat_map(Table::values)
        {
            parsed.add(target.as_table().unwrap_or(&Table::new()));
        }
        Ok(parsed)
    }

    fn add(&mut self, tables: &Table) {
        for section in ["dependencies", "build-dependencies"] {
            self.dependencies.extend(packages(tables, section));
        }
        self.dev_dependencies
            .extend(packages(tables, "dev-dependencies"));
    }
}

fn table<'a>(parent: &'a Table, key: &str) -> Option<&'a Table> {
    parent.get(key)?.as_table()
}

/// The packages of a section: a dependency may have a name of its own here.
fn packages(tables: &Table, section: &str) -> Vec<String> {
    let entries = table(tables, section).into_iter().flatten();
    let package = |(key, value): (&String, &toml::Value)| {
        let renamed = value.get("package").and_then(toml::Value::as_str);
        renamed.unwrap_or(key).to_owned()
    };
    entries.map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sections_count() {
        let text = r#"
            [package]
            name = "spica-a"
            [dependencies]
            spica-b.workspace = true
            other = { package = "tokio", version = "1" }
            [build-dependencies]
            cc = "1"
            [dev-dependencies]
            proptest.workspace = true
            [target.'cfg(unix)'.dependencies]
            rustix.workspace = true
        "#;
        let manifest = Manifest::parse("a", text).unwrap();
        let built_from: Vec<_> = manifest.dependencies.iter().collect();
        assert_eq!(built_from, ["cc", "rustix", "spica-b", "tokio"]);
        let tested_with: Vec<_> = manifest.dev_dependencies.iter().collect();
        assert_eq!(tested_with, ["proptest"]);
        assert!(Manifest::parse("a", "[dependencies]").is_err());
    }
}
