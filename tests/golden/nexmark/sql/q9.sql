select id, seller, category, opens, expires, bidder, price, ts from (
  select a.id, a.seller, a.category, a.ts as opens, a.expires, b.bidder, b.price, b.ts,
    row_number() over (partition by a.id order by b.price desc, b.ts, b.bidder) as place
  from auction a join bid b on a.id = b.auction where b.ts between a.ts and a.expires)
where place = 1
