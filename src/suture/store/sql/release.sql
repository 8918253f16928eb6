-- name: answer
-- Nothing but whether the server answers.
select true as answers

-- name: append_release
-- Bring a version of an estate into force.
insert into release (id, content, note) values ($1, $2, $3) returning number

-- name: active_release
-- The version of the estate in force.
select number, id, content, activated_at, note from release order by number desc limit 1

-- name: active_release_number
-- Only the number of it, to notice a change cheaply.
select coalesce(max(number), 0) as number from release

-- name: append_reconsidered
-- Ask streams with parked work to decide again, once per release and holder.
with told as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select * from unnest($1::event_row[])
    on conflict do nothing
    returning id, partition
)
insert into inbox (partition, event_id) select partition, id from told

-- name: write_setting
-- Set a setting of this installation that has no value yet, and return the one in force: also one set at this very moment.
insert into setting (name, value) values ($1, $2) on conflict (name) do update set value = setting.value returning value

-- name: read_settings
-- The settings of this installation whose names begin with $1.
select name, value from setting where starts_with(name, $1) order by name

-- name: holds_messages
-- Whether anything was stored that is sealed: a message, a file, an identifier.
select exists (select from message) or exists (select from transmission) or exists (select from vault) as is_filled

-- name: beat
-- Say that a worker is alive, and how its doors are.
insert into worker (id, role, process_id, doors) values ($1, $2, $3, $4)
on conflict (id) do update set seen_at = now(), doors = excluded.doors

-- name: retire_worker
-- Say that a worker has stopped in good order.
delete from worker where id = $1

-- name: live_workers
-- Workers seen in the last $1.
select id, role, process_id, started_at, seen_at, doors from worker where seen_at > now() - $1::interval order by role, id
