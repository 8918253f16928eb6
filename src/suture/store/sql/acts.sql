-- name: append_acts
-- Note what a person did, about each of these.
insert into operator_act (os_user, host, act, subject, reason) select $1, $2, $3, u.subject, $5 from unnest($4::text[]) u(subject)

-- name: read_acts
-- What people did about this, in order.
select act, at, os_user, host, reason from operator_act where subject = $1 order by id
