/// The schema in force, as the database itself reports it.
public struct SchemaDescription: Equatable, Sendable {
    /// A row of `schema_version`.
    public struct Migration: Equatable, Sendable {
        /// The version, counted from 1.
        public let version: Int64
        /// The time in UTC, with milliseconds.
        public let appliedAt: String
        /// A sentence about the change.
        public let description: String?

        /// Creates a migration that a store has found.
        public init(
            version: Int64, appliedAt: String, description: String?
        ) {
            self.version = version
            self.appliedAt = appliedAt
            self.description = description
        }
    }

    /// A column of a table.
    public struct Column: Equatable, Sendable {
        /// The name in the DDL.
        public let name: String
        /// The declared type.
        public let type: String
        /// True if the column refuses NULL.
        public let isNotNull: Bool
        /// True if the column is part of the primary key.
        public let isPrimaryKey: Bool

        /// Creates a column that a store has found.
        public init(
            name: String, type: String, isNotNull: Bool, isPrimaryKey: Bool
        ) {
            self.name = name
            self.type = type
            self.isNotNull = isNotNull
            self.isPrimaryKey = isPrimaryKey
        }
    }

    /// An index of a table.
    public struct Index: Equatable, Sendable {
        /// The name in the DDL.
        public let name: String
        /// True if no two rows may have the same values.
        public let isUnique: Bool
        /// The columns in order.
        public let columns: [String]

        /// Creates an index that a store has found.
        public init(
            name: String, isUnique: Bool, columns: [String]
        ) {
            self.name = name
            self.isUnique = isUnique
            self.columns = columns
        }
    }

    /// A table with its columns and indexes.
    public struct Table: Equatable, Sendable {
        /// The name in the DDL.
        public let name: String
        /// The columns in order.
        public let columns: [Column]
        /// The indexes by name.
        public let indexes: [Index]

        /// Creates a table that a store has found.
        public init(
            name: String, columns: [Column], indexes: [Index]
        ) {
            self.name = name
            self.columns = columns
            self.indexes = indexes
        }
    }

    /// The migrations, oldest first.
    public let migrations: [Migration]
    /// The tables by name, without those that SQLite keeps for itself or for a virtual table.
    public let tables: [Table]
    /// Further facts that only this engine has.
    public let engine: [EngineMember]

    /// Describes a schema that a store has read.
    public init(migrations: [Migration], tables: [Table], engine: [EngineMember]) {
        self.migrations = migrations
        self.tables = tables
        self.engine = engine
    }
}
