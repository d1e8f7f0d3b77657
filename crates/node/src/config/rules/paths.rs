//! Files and directories.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Breach, Rules};
use crate::config::finding::{Code, Severity};

impl Rules<'_> {
    pub(super) fn paths(&mut self) {
        let config = self.draft.value.clone();
        self.directory("node.data_dir", config.node.data_dir.as_path());
        if let Some(location) = &config.objects.location {
            self.location("objects.location", &location.to_string());
        }
        for (key, path) in config.files() {
            self.file(key, path);
        }
        for (key, path) in config.private_files() {
            self.private(key, path);
        }
    }

    /// What is made if it is not there must not be something else.
    fn directory(&mut self, key: &str, path: &Path) {
        if fs::metadata(path).is_ok_and(|found| !found.is_dir()) {
            let message = format!("`{key}`: {} is not a directory", path.display());
            self.path(
                key,
                Severity::Error,
                message,
                "name a directory, or move the file away",
            );
        }
    }

    fn location(&mut self, key: &str, location: &str) {
        match location.split_once("://") {
            None => self.directory(key, Path::new(location)),
            Some(("file", path)) if path.starts_with('/') => self.directory(key, Path::new(path)),
            Some(_) => {
                let message = format!("`{key}` is no place for pictures: {location}");
                let help = "allowed: a directory, or file:// with an absolute path";
                self.path(key, Severity::Error, message, help);
            }
        }
    }

    fn file(&mut self, key: &str, path: &Path) {
        let shown = path.display();
        let wrong = match File::open(path).and_then(|file| file.metadata()) {
            Ok(found) if found.is_file() => return,
            Ok(_) => format!("`{key}`: {shown} is not a file"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                format!("`{key}`: there is no file {shown}")
            }
            Err(error) => format!("`{key}`: {shown} cannot be read: {error}"),
        };
        let help = "a relative path in a configuration file counts from that file's directory";
        self.path(key, Severity::Error, wrong, help);
    }

    fn private(&mut self, key: &str, path: &Path) {
        let mode = fs::metadata(path).map_or(0, |found| found.permissions().mode());
        if mode & 0o007 != 0 {
            let message = format!(
                "`{key}`: everyone on this machine may use {}",
                path.display()
            );
            self.path(key, Severity::Warning, message, "chmod o= takes that away");
        }
    }

    fn path(&mut self, key: &str, severity: Severity, message: String, help: &str) {
        self.report(Breach {
            code: Code::Path,
            severity,
            message,
            help: help.to_owned(),
            keys: &[(key, "this path".to_owned())],
        });
    }
}
