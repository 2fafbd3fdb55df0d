package import SQL

/// The schema of the users service.
package enum UsersMigrations {
    package static let all = [
        Migration("users_1") { dialect in
            [
                """
                CREATE TABLE accounts (
                    id \(dialect.idType) NOT NULL PRIMARY KEY,
                    email TEXT NOT NULL UNIQUE,
                    password TEXT NOT NULL,
                    generation BIGINT NOT NULL,
                    metadata \(dialect.jsonType) NOT NULL,
                    created BIGINT NOT NULL
                )
                """
            ]
        }
    ]
}
