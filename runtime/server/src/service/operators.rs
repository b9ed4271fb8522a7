//! Operators: brought, shown, removed.

use std::sync::PoisonError;

use super::Service;
use crate::catalog::OperatorRow;
use crate::compiler::Compiled;
use crate::components::Upload;
use crate::model::{OperatorVersion, Pushed};
use crate::names;
use crate::problem::Problem;

impl Service {
    /// Refuses what cannot be the name of an upload, before it is sent.
    pub(crate) fn check_push(&self, name: &str, version: Option<&str>, digest: &str) -> Result<(), Problem> {
        names::check("an operator", name)?;
        version.map_or(Ok(()), |version| names::check("a version", version))?;
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let detail = format!("digest={digest:?} is not a blake3 digest: write 64 hexadecimal digits");
            return Err(Problem::new(crate::problem::Kind::Invalid, detail));
        }
        Ok(())
    }

    /// Makes a version of an upload that was compiled. The same component under the same name is not added twice.
    pub(crate) fn push(
        &self,
        name: &str,
        version: Option<&str>,
        upload: &Upload,
        compiled: Compiled,
    ) -> Result<Pushed, Problem> {
        let _component_store = self.component_store_lock.lock().unwrap_or_else(PoisonError::into_inner);
        let row = OperatorRow {
            name: name.to_owned(),
            version: String::new(),
            digest: upload.digest.clone(),
            bytes: upload.bytes.len() as u64,
            world: compiled.world,
            created_us: self.clock.now_us(),
        };
        // The component before its name: a name without a component would be found.
        let digest = row.digest.clone();
        self.components.keep(upload).map_err(|error| Problem::internal("the component cannot be kept", &error))?;
        let (row, is_new) = match self.catalog.add_operator(row, version)? {
            Ok(row) => (row, true),
            Err(found) if found.digest == digest => (found, false),
            Err(found) => {
                self.remove_unnamed(&digest)?;
                return Err(Problem::conflict(format!(
                    "{}@{} is already the name of another component (perhaps a removed one), and versions never change: push it as another version",
                    found.name, found.version
                )));
            }
        };
        Ok(Pushed { operator: self.operator_version(row)?, is_new })
    }

    /// All versions of all operators, or of one.
    pub(crate) fn operators(&self, name: Option<&str>) -> Result<Vec<OperatorVersion>, Problem> {
        let rows = self.catalog.operators(name)?;
        if let (Some(name), true) = (name, rows.is_empty()) {
            return Err(Problem::not_found(format!("there is no operator {name:?} on this server")));
        }
        rows.into_iter().map(|row| self.operator_version(row)).collect()
    }

    /// Removes a version that no job uses.
    pub(crate) fn remove_operator(&self, name: &str, version: &str) -> Result<(), Problem> {
        let _component_store = self.component_store_lock.lock().unwrap_or_else(PoisonError::into_inner);
        let row = self.catalog.operator(name, version)?;
        let row = row.ok_or_else(|| Problem::not_found(format!("there is no {name}@{version} on this server")))?;
        let users = self.catalog.remove_operator(&row)?;
        if !users.is_empty() {
            let detail = format!("{name}@{version} is used by {}: swap it there, or remove the job", users.join(", "));
            return Err(Problem::conflict(detail));
        }
        self.remove_unnamed(&row.digest)
    }

    /// Removes a component if no version is of it, with what was compiled of it.
    fn remove_unnamed(&self, digest: &str) -> Result<(), Problem> {
        if self.catalog.digests()?.contains(digest) {
            return Ok(());
        }
        let removed = self.components.remove(digest);
        removed.map_err(|error| Problem::internal("the component cannot be removed", &error))?;
        self.pipelines.host.forget_compiled(digest);
        Ok(())
    }

    fn operator_version(&self, row: OperatorRow) -> Result<OperatorVersion, Problem> {
        let used_by = self.catalog.users(&row.name, &row.version)?;
        let OperatorRow { name, version, digest, bytes, world, created_us } = row;
        Ok(OperatorVersion { name, version, digest, bytes, world, created_us, used_by })
    }
}
