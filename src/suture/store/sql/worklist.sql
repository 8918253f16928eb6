-- name: open_work_items
-- Exceptions that are open, newest group first, with what is at stake.
select id, group_key, code, owner, source, message_id, event_id, stream, booking_key, delivery_id, path, explanation, remedy,
    amount_minor, currency, opened_at
from work_item where resolved_at is null order by abs(amount_minor) desc, opened_at limit $1

-- name: count_work_items
-- How many exceptions are open and how many were resolved.
select count(*) filter (where resolved_at is null) as open_count, count(*) filter (where resolved_at is not null) as resolved_count
from work_item

-- name: resolve_work_items
-- Close exceptions by id, with a person's reason; money that is parked is not theirs to wish away: it books or it waits.
update work_item set resolved_at = now(), resolution = $2
where id = any($1::text[]) and resolved_at is null and (stream = '' or amount_minor = 0) returning id

-- name: work_items_of_message
-- Everything that was ever opened about a message.
select id, code, path, explanation, remedy, amount_minor, opened_at, resolved_at, resolution
from work_item where message_id = $1 order by opened_at
