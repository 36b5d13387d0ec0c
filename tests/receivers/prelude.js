// Prelude of the Node receivers: a free port, and a line for each webhook that is taken.
'use strict';

exports.taken = (what) => console.log('taken ' + JSON.stringify(what));

exports.listen = (app) => {
  const server = app.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
};
