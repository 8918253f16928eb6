-- name: server_settings
-- What the server is, and whether a commit on this connection is on its disk when it is answered.
select current_setting('server_version_num')::integer as version_number, current_setting('server_version') as version,
    current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
    current_setting('synchronous_commit') as synchronous_commit
