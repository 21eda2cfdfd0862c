package db

// MigrationProvider gives tests every step of the schema.
var MigrationProvider = migrationProvider
