"""The tables of a library file, as the numbered steps that lead to them.

This module owns the SQL that makes tables. A step that has been released is never edited: a
change is a new step at the end. Each step is one transaction together with the number it leads to.
"""

import sqlite3

APPLICATION_ID = 0x6B6C7374  # "klst": what tells our files from any other SQLite database

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('library_id', lower(hex(randomblob(8))))",
        "INSERT INTO meta VALUES ('generation', 1), ('token', lower(hex(randomblob(8)))), ('next_id', 1)",
        "INSERT INTO meta VALUES ('kinds_known', 0), ('slices', 0)",
        """
        CREATE TABLE folders (
            id INTEGER PRIMARY KEY,
            path BLOB NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN ('watched', 'absent', 'polled'))
        )
        """,
        """
        CREATE TABLE sounds (
            id INTEGER PRIMARY KEY,
            uid TEXT NOT NULL UNIQUE,
            duration_s REAL NOT NULL,
            sample_rate INTEGER NOT NULL,
            channels INTEGER NOT NULL,
            loudness_db REAL NOT NULL,
            brightness_hz REAL NOT NULL,
            pitch_hz REAL NOT NULL,
            pitch_confidence REAL NOT NULL,
            stereo_width REAL NOT NULL,
            is_loop INTEGER NOT NULL,
            tempo_bpm REAL NOT NULL,
            analysis_version INTEGER NOT NULL,
            favourite INTEGER NOT NULL DEFAULT 0,
            user_kind TEXT,
            heard_kind TEXT,
            heard_confidence REAL NOT NULL DEFAULT 0,
            parent_id INTEGER REFERENCES sounds (id),
            start_frame INTEGER,
            end_frame INTEGER,
            dimension INTEGER NOT NULL,
            embedding BLOB NOT NULL CHECK (length(embedding) = 4 * dimension),
            CHECK ((parent_id IS NULL) = (start_frame IS NULL)),
            CHECK ((parent_id IS NULL) = (end_frame IS NULL))
        )
        """,
        "CREATE INDEX sounds_dimension ON sounds (dimension) WHERE parent_id IS NULL",
        "CREATE INDEX sounds_parent ON sounds (parent_id, analysis_version) WHERE parent_id IS NOT NULL",
        "CREATE INDEX sounds_unheard ON sounds (id) WHERE heard_kind IS NULL AND user_kind IS NULL",
        """
        CREATE TABLE files (
            id INTEGER PRIMARY KEY,
            path BLOB NOT NULL UNIQUE,
            folder_id INTEGER NOT NULL REFERENCES folders (id),
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            inode INTEGER NOT NULL,
            device INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'analysed', 'refused')),
            reason TEXT,
            sound_id INTEGER REFERENCES sounds (id),
            reserved_id INTEGER,
            kind TEXT NOT NULL,
            kind_source TEXT NOT NULL CHECK (kind_source IN ('', 'file', 'folder')),
            CHECK ((state = 'refused') = (reason IS NOT NULL)),
            CHECK (state = 'pending' OR (state = 'analysed') = (sound_id IS NOT NULL)),
            CHECK (state != 'pending' OR (sound_id IS NULL) != (reserved_id IS NULL))
        )
        """,
        "CREATE INDEX files_sound ON files (sound_id) WHERE sound_id IS NOT NULL",
        "CREATE INDEX files_inode ON files (inode) WHERE inode != 0",
        "CREATE INDEX files_folder ON files (folder_id, state)",
        "CREATE INDEX files_pending ON files (sound_id IS NOT NULL, id) WHERE state = 'pending'",
        """
        CREATE TABLE positions (
            sound_id INTEGER PRIMARY KEY REFERENCES sounds (id),
            x REAL NOT NULL,
            y REAL NOT NULL,
            fitted INTEGER NOT NULL
        )
        """,
        "CREATE INDEX positions_placed ON positions (sound_id) WHERE NOT fitted",
        """
        CREATE TABLE epochs (
            number INTEGER PRIMARY KEY,
            method TEXT NOT NULL,
            seed INTEGER NOT NULL,
            n_fitted INTEGER NOT NULL,
            created_s REAL NOT NULL,
            scores TEXT NOT NULL
        )
        """,
    ),
    (
        # NULL: not on the even view yet; a side of 0: there is none yet
        "ALTER TABLE positions ADD COLUMN even_x REAL",
        "ALTER TABLE positions ADD COLUMN even_y REAL",
        "ALTER TABLE epochs ADD COLUMN even_side INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX positions_not_even ON positions (sound_id) WHERE even_x IS NULL",
    ),
    ("INSERT OR IGNORE INTO meta SELECT 'settled', EXISTS (SELECT * FROM epochs)",),
    (
        # a map that waits to be taken or dropped: one at most
        """
        CREATE TABLE candidate (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            method TEXT NOT NULL,
            seed INTEGER NOT NULL,
            created_s REAL NOT NULL,
            scores TEXT NOT NULL,
            even_side INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE candidate_positions (
            sound_id INTEGER PRIMARY KEY REFERENCES sounds (id),
            x REAL NOT NULL,
            y REAL NOT NULL,
            even_x REAL NOT NULL,
            even_y REAL NOT NULL
        )
        """,
    ),
    (
        # what somebody else's program has made of sounds: float32, scaled to be compared
        "CREATE TABLE vectors (sound_id INTEGER PRIMARY KEY REFERENCES sounds (id), vector BLOB NOT NULL)",
    ),
    (
        # which releases' ears have heard sounds is looked up, too
        "DROP INDEX sounds_dimension",
        "CREATE INDEX sounds_dimension ON sounds (dimension, analysis_version) WHERE parent_id IS NULL",
    ),
)

SCHEMA_VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """Number of the last step taken in a file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> int:
    """Take all steps that a file still lacks.

    Parameters
    ----------
    connection : sqlite3.Connection
        In autocommit mode. A kill between or within steps leaves a file on which this can be called again.

    Returns
    -------
    int
        How many steps were taken.
    """
    taken = 0
    for number, statements in enumerate(MIGRATIONS, 1):
        if number <= version_of(connection):
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version_of(connection) < number:  # another process may have been quicker
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")
                taken += 1
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return taken
