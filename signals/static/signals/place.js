// Where the device is: kept in this module alone, rounded to about ten metres, never stored.

const EVERY_MS = 15_000;
const OPTIONS = { enableHighAccuracy: true, timeout: 10_000, maximumAge: 30_000 };

let last = null;
let told = null; // the last point that the server was given
let say = null;
let saidAt = 0;
let watch = null;
let later = 0;

const round = (degrees) => Math.round(degrees * 1e4) / 1e4;
const point = ({ coords }) => ({ lat: round(coords.latitude), lng: round(coords.longitude) });
const same = (a, b) => a?.lat === b?.lat && a?.lng === b?.lng;
const reason = (error) => (error?.code === 1 ? "denied" : "unavailable");

/** Asks the browser once. Gives "on", "denied" or "unavailable". */
export function locate() {
  return new Promise((resolve) => {
    if (!navigator.geolocation) return resolve("unavailable");
    navigator.geolocation.getCurrentPosition(
      (position) => {
        last = point(position);
        resolve("on");
      },
      (error) => resolve(reason(error)),
      OPTIONS,
    );
  });
}

/** The last point, counted as told to the server: the caller sends it along. */
export function known() {
  told = last;
  return last;
}

/** From now on `send(point)` is called when the device has moved, at most every fifteen seconds. */
export function follow(send, lost) {
  say = send;
  tellSoon();
  if (watch !== null || !navigator.geolocation) return;
  watch = navigator.geolocation.watchPosition(
    (position) => {
      last = point(position);
      tellSoon();
    },
    (error) => error.code === 1 && lost("denied"),
    OPTIONS,
  );
}

/** The server did not take the last point; it will in `ms`. */
export function refused(ms) {
  told = null;
  clearTimeout(later);
  later = setTimeout(tell, ms + 200);
}

function tellSoon() {
  if (!later && !same(last, told)) later = setTimeout(tell, Math.max(0, saidAt + EVERY_MS - Date.now()));
}

function tell() {
  later = 0;
  if (!last || !say || same(last, told)) return;
  const point = last;
  if (!say(point)) return; // not connected: `follow` is called again when we are
  told = point;
  saidAt = Date.now();
}

export function forget() {
  if (watch !== null) navigator.geolocation.clearWatch(watch);
  clearTimeout(later);
  last = told = say = watch = null;
  saidAt = later = 0;
}
