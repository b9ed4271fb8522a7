select auction, bidder, price, ts, extra from (
  select *, row_number() over (partition by bidder, auction order by ts desc, price desc, extra desc) as place from bid)
where place = 1
