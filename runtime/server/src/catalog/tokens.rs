//! Tokens: who may do what. A token itself is not kept, only its digest.

use rusqlite::params;

use super::{Catalog, CatalogError, all};
use crate::role::Role;

/// A token, without what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who has it.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// When it was made, microseconds since the epoch.
    pub created_us: i64,
    pub(crate) hash: Vec<u8>,
}

impl Catalog {
    /// Adds a token; `false`: there is one of that name.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    pub fn add_token(&self, name: &str, role: Role, token: &str, created_us: i64) -> Result<bool, CatalogError> {
        let hash = blake3::hash(token.as_bytes());
        let sql = "INSERT INTO token (name, role, hash, created_us) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        let added =
            self.with(|t| t.execute(sql, params![name, role.name(), hash.as_bytes().as_slice(), created_us]))?;
        Ok(added > 0)
    }

    /// All tokens, by name.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub fn tokens(&self) -> Result<Vec<Token>, CatalogError> {
        let sql = "SELECT name, role, hash, created_us FROM token ORDER BY name";
        let read = |row: &rusqlite::Row<'_>| {
            // The schema allows no other role.
            let role = Role::named(&row.get::<_, String>(1)?).unwrap_or(Role::Read);
            Ok(Token { name: row.get(0)?, role, hash: row.get(2)?, created_us: row.get(3)? })
        };
        self.read(|t| all(t, sql, [], read))
    }

    /// Removes a token; `false`: there is none of that name.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    pub fn remove_token(&self, name: &str) -> Result<bool, CatalogError> {
        Ok(self.with(|t| t.execute("DELETE FROM token WHERE name = ?1", [name]))? > 0)
    }
}
