//! What can be queried, described once: from here come the virtual tables, the loaded file's tables, `--schema`, the
//! documentation and every export.

mod functions;
mod tables;

pub use functions::{
    CHAIN, CHAINS, ChainColumn, ChainsColumn, DIFF, DOMINATED, DiffColumn, DominatedColumn,
    FUNCTIONS, REFERRERS, ReferrersColumn,
};
pub use tables::{
    DUMP, DumpColumn, FAULT, FaultColumn, METADATA, MetadataColumn, OBJECT, ObjectColumn,
    REFERENCE, ROOT, ReferenceColumn, RootColumn, TABLES, TYPE, TypeColumn, VALUE, ValueColumn,
};

/// What the values of a column are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The number of a dump: what tables are joined by. Never negative.
    Dump,
    /// The number of an object, a type, a root in its dump: what tables are joined by. Never negative.
    Id,
    /// How many, how long. Never negative.
    Count,
    /// A difference of counts, which may be negative.
    Difference,
    /// Bytes.
    Bytes,
    /// Where something lay, as 64 bits in two's complement.
    Address,
    /// 0 or 1.
    Flag,
    /// UTF-8.
    Text,
}

impl Kind {
    /// The declared type in SQL. All but text have integer affinity. Addresses have a type of their own by which
    /// results are recognised that are to be printed as `0x…`.
    pub const fn sql_type(self) -> &'static str {
        match self {
            Kind::Address => "ADDRESS INTEGER",
            Kind::Flag => "BOOLEAN INTEGER",
            Kind::Text => "TEXT",
            Kind::Dump | Kind::Id | Kind::Count | Kind::Difference | Kind::Bytes => "INTEGER",
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What it is called; never a word that SQL demands to be quoted.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// One sentence.
    pub doc: &'static str,
}

/// A table, or a function that gives one.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// What it is called.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// Its columns; of a function the arguments come behind the results, and are hidden.
    pub columns: &'static [Column],
    /// How many of the columns, from the first, make the key, which rows are ordered by.
    pub key: usize,
    /// How many of the columns, from the last, are a function's arguments.
    pub arguments: usize,
}

impl Table {
    /// The columns that `SELECT *` gives.
    pub fn results(&self) -> &'static [Column] {
        &self.columns[..self.columns.len() - self.arguments]
    }

    /// The arguments of a function.
    pub fn arguments(&self) -> &'static [Column] {
        &self.columns[self.columns.len() - self.arguments..]
    }

    /// The columns that make the key.
    pub fn key(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }

    /// How it is written in a query: `object`, `chain(dump, object)`.
    pub fn usage(&self) -> String {
        if self.arguments == 0 {
            return self.name.to_owned();
        }
        let arguments: Vec<&str> = self.arguments().iter().map(|column| column.name).collect();
        format!("{}({})", self.name, arguments.join(", "))
    }
}

/// Declares a table and, for who fills it, its columns as an enum.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $table:ident $columns:ident = $name:literal, key $key:literal, arguments $arguments:literal {
            $( $variant:ident = $column:literal $kind:ident $nullable:literal $sentence:literal; )+
        }
    ) => {
        #[doc = concat!("Columns of `", $name, "`.")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $columns {
            $( #[doc = $sentence] $variant, )+
        }

        impl $columns {
            const ALL: &[$columns] = &[$( $columns::$variant ),+];

            /// The column of a number.
            pub(crate) fn of(number: usize) -> Option<$columns> {
                Self::ALL.get(number).copied()
            }
        }

        $(#[doc = $doc])+
        pub static $table: crate::sql::catalogue::Table = crate::sql::catalogue::Table {
            name: $name,
            doc: concat!($($doc),+).trim_ascii(),
            columns: &[$( crate::sql::catalogue::Column {
                name: $column,
                kind: crate::sql::catalogue::Kind::$kind,
                nullable: $nullable,
                doc: $sentence,
            } ),+],
            key: $key,
            arguments: $arguments,
        };
    };
}
pub(crate) use table;
