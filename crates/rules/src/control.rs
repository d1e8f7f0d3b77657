//! What operators do with the rules of a node.

/// What a rules file holds that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadInfo {
    /// Rules.
    pub rules: usize,
    /// Sinks.
    pub sinks: usize,
}

/// The rules of a node, for those who steer it.
pub trait RulesControl: Send + Sync + 'static {
    /// Reads the rules file again. Blocks on the disk. Until all of it is right, nothing changes.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    fn reload(&self) -> Result<ReloadInfo, Vec<String>>;
}
