select auction, bidder, price, ts, extra, place as rank_number from (
  select *, row_number() over (partition by auction order by price desc, bidder, ts, extra) as place from bid)
where place <= 10
