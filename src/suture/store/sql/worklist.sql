-- name: open_work_items
-- Exceptions that are open, newest group first, with what is at stake.
select id, group_key, code, owner, source, message_id, event_id, stream, booking_key, delivery_id, path, explanation, remedy,
    amount_minor, currency, opened_at
from work_item where resolved_at is null order by abs(amount_minor) desc, opened_at limit $1

-- name: count_work_items
-- How many exceptions are open and how many were resolved.
select count(*) filter (where resolved_at is null) as open_count, count(*) filter (where resolved_at is not null) as resolved_count
from work_item

-- name: find_work_items
-- Exceptions by id, open or resolved.
select id, group_key, code, owner, source, message_id, event_id, stream, booking_key, delivery_id, path, explanation, remedy,
    amount_minor, currency, opened_at, resolved_at, resolution
from work_item where id = any($1::text[])

-- name: resolved_work_items
-- Exceptions that were resolved, of one code or of any, the last first.
select id, group_key, code, owner, source, message_id, event_id, stream, booking_key, delivery_id, path, explanation, remedy,
    amount_minor, currency, opened_at, resolved_at, resolution
from work_item where resolved_at is not null and $1 in ('', code) order by resolved_at desc, id limit $2

-- name: work_items_of_group
-- What is open of the group that a fault code, the key of a group, or one of its own exceptions names; oldest first.
select id, group_key, code, owner, source, message_id, event_id, stream, booking_key, delivery_id, path, explanation, remedy,
    amount_minor, currency, opened_at, resolved_at, resolution
from work_item
where resolved_at is null and (code = $1 or group_key = coalesce((select group_key from work_item where id = $1), $1))
order by opened_at, id

-- name: dismiss_work_items
-- Close exceptions by id, with a person's reason, and note who did it. What waits is not theirs to wish away: money that is parked
-- books or waits (beside it stand the flags of $5), a refused journal is delivered or waits, what waits whatever its amount ($6) is told.
with closed as (
    update work_item set resolved_at = now(), resolution = 'dismissed: ' || $4
    where id = any($1::text[]) and resolved_at is null and delivery_id is null and code <> all($6::text[])
        and (stream = '' or amount_minor = 0 or code = any($5::text[]))
    returning id
), noted as (
    insert into operator_act (os_user, host, act, subject, reason) select $2, $3, 'dismissed', id, $4 from closed
)
select id from closed

-- name: entries_left_standing
-- For corrections that wait (items $1), the entry that stands meanwhile: what the books say until a period is open to correct it in.
select w.id as item_id, e.id as entry_id, e.entity, e.accounting_on, e.principal_minor
from work_item w join entry e on e.stream = w.stream and 'correction:' || e.booking_key = w.booking_key and e.reverses = ''
where w.id = any($1::text[]) and not exists (select from entry r where r.reverses = e.id and r.reverses <> '')
order by w.id, e.id

-- name: work_items_of_message
-- Everything that was ever opened about a message.
select id, event_id, code, path, explanation, remedy, amount_minor, opened_at, resolved_at, resolution
from work_item where message_id = $1 order by opened_at, id
