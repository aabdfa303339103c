/// The schema in force, as the database itself tells it.
public struct SchemaDescription: Equatable, Sendable {
    /// A row of `schema_version`.
    public struct Migration: Equatable, Sendable {
        /// Counted from 1.
        public let version: Int64
        /// UTC, milliseconds.
        public let appliedAt: String
        /// A sentence about what it did.
        public let description: String?

        /// As a store has found it.
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
        /// As the DDL has it.
        public let name: String
        /// The declared type.
        public let type: String
        /// True if the column refuses NULL.
        public let isNotNull: Bool
        /// True if the column is part of the primary key.
        public let isPrimaryKey: Bool

        /// As a store has found it.
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
        /// As the DDL has it.
        public let name: String
        /// True if no two rows may have the same values.
        public let isUnique: Bool
        /// In order.
        public let columns: [String]

        /// As a store has found it.
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
        /// As the DDL has it.
        public let name: String
        /// In order.
        public let columns: [Column]
        /// By name.
        public let indexes: [Index]

        /// As a store has found it.
        public init(
            name: String, columns: [Column], indexes: [Index]
        ) {
            self.name = name
            self.columns = columns
            self.indexes = indexes
        }
    }

    /// Oldest first.
    public let migrations: [Migration]
    /// By name; those that SQLite keeps for itself, and for a virtual one, are left out.
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
