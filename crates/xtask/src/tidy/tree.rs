//! The text files of the repository.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::lexer::{self, Lexed};

/// Folders that hold nothing written by people here.
const SKIPPED_FOLDERS: [&str; 4] = ["target", ".git", "node_modules", "__pycache__"];

/// Every text file, sorted by path.
pub(super) struct Tree {
    pub(super) files: Vec<SourceFile>,
}

/// A file.
pub(super) struct SourceFile {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// Of Rust files.
    pub(super) rust: Option<Lexed>,
}

impl Tree {
    /// Reads the repository.
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// Files made up for a test.
    #[cfg(test)]
    pub(super) fn planted(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| SourceFile::new(path, (*text).to_owned())).collect() }
    }

    /// The file at that path.
    pub(super) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Rust files with what the lexer made of them.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&SourceFile, &Lexed)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }
}

impl SourceFile {
    fn new(path: &str, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| lexer::lex(&text));
        Self { path: path.to_owned(), text, rust }
    }

    /// The folder under `crates/` it is in.
    pub(super) fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether the whole file is tests or an example.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.contains("/examples/") || self.path.ends_with("/tests.rs")
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.file_type()?.is_dir() {
            if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                read_folder(&entry.path(), &path, files)?;
            }
        } else if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
            files.push(SourceFile::new(&path, text));
        }
    }
    Ok(())
}
