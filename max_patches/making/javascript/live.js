// The chosen sound into Live: into a clip slot, or into Simpler, where this Live offers that. What it offers
// is asked of its objects, never told from its version. `api(path)` gives a LiveAPI object.
// Each function returns what to show.

function klustrOffers(object, name) {
    return new RegExp("\\b" + name + "\\b").test(String(object.info));
}

function klustrIsThere(object) {
    return !!object && Number(object.id) !== 0;
}

function klustrLoadClip(api, path) {
    var slot = api("live_set view highlighted_clip_slot");
    if (!klustrIsThere(slot)) {
        return "select an empty clip slot of an audio track first";
    }
    if (!klustrOffers(slot, "create_audio_clip")) {
        return "this Live takes no clips from devices (11.3.25, 12.0.5 and later do): drag the file instead";
    }
    if (Number(slot.get("has_clip")) === 1) {
        return "the selected clip slot holds a clip already: select an empty one";
    }
    slot.call("create_audio_clip", path);
    if (Number(slot.get("has_clip")) !== 1) {
        return "Live took no clip there: select an empty slot of an audio track";
    }
    return "loaded into the clip slot: " + klustrFileName(path);
}

function klustrLoadSimpler(api, path) {
    var device = api("live_set view selected_track view selected_device");
    if (!klustrIsThere(device) || String(device.get("class_name")) !== "OriginalSimpler") {
        return "select a Simpler first";
    }
    if (!klustrOffers(device, "replace_sample")) {
        return "this Live's Simpler takes no samples from devices (12.4 and later does): drag the file instead";
    }
    device.call("replace_sample", path);
    return "loaded into Simpler: " + klustrFileName(path);
}
